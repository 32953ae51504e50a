/** What the handlers of a controller stand on, over the link and on a controller listener. */
import type { Features } from '../apis/18-api-versions.ts'
import type { LayeredConfig } from '../config/config.ts'
import type { Logger } from '../log.ts'
import type { MetadataImage } from '../metadata/image.ts'
import type { QuorumHost } from '../quorum/rpc.ts'
import type { Controller } from './controller.ts'

export type ControllerHost = Features &
  QuorumHost & {
    readonly nodeId: number
    readonly clusterId: string
    readonly config: LayeredConfig
    readonly log: Logger
    readonly controller: Controller
    /** What is committed, as all nodes see it. */
    image(): MetadataImage
    /** Who leads the metadata quorum, -1 while unknown. */
    activeControllerId(): number
  }
