/** What `import ... from 'samsa'` offers. */
export type { Logger } from '../actors/log.ts'
export { type Cluster, type ClusterNode, type ClusterOptions, startCluster } from './cluster.ts'
export { UserError } from './config/user-error.ts'
export { type LogLevel, streamLogger } from './logging.ts'
