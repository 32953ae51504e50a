/** `samsa format`: prepares the log directories of one node, or of all nodes of a cluster at once. */
import { type NodeConfig, nodeConfig } from '../config/config.ts'
import { readProperties } from '../config/properties.ts'
import { UserError } from '../config/user-error.ts'
import { formatNodes } from '../format/format.ts'

export type FormatCommand = {
  config: string[]
  clusterId?: string
  standalone?: boolean
  initialControllers?: string | false
  ignoreFormatted?: boolean
  releaseVersion?: string
  feature?: string[]
}

/** One controller's file alone may be one of several: who votes must be said, as to Kafka's tool. */
function checkVotersNamed([node, ...others]: NodeConfig[], options: FormatCommand): void {
  const named = options.standalone || options.initialControllers !== undefined
  if (node === undefined || others.length > 0 || named) return
  if (!node.roles.controller || node.staticVoters.length > 0) return
  throw new UserError(
    'who votes? give all property files at once, --standalone, --initial-controllers or --no-initial-controllers',
  )
}

/** @throws UserError */
export async function format(options: FormatCommand): Promise<void> {
  if (options.clusterId === undefined && options.config.length === 1 && !options.standalone) {
    throw new UserError(
      '--cluster-id is missing: the same for all nodes; samsa random-uuid has one',
    )
  }
  const nodes = options.config.map((file) => nodeConfig(readProperties(file)))
  checkVotersNamed(nodes, options)
  const { clusterId, directories } = formatNodes(
    nodes,
    { ...options, features: options.feature ?? [] },
    Date.now(),
  )
  if (directories.length === 0) console.log('everything is formatted already')
  for (const path of directories) console.log(`formatted ${path} for cluster ${clusterId}`)
}
