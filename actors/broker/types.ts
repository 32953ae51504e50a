/** What the handlers of a broker listener stand on: one row per thing a broker has. */
import type { Api, Request, Response } from '../../transport/protocol/api.ts'
import type { Features } from '../apis/18-api-versions.ts'
import type { Asker } from '../apis/handler.ts'
import type { Config, LayeredConfig } from '../config/config.ts'
import type { GroupCoordinator } from '../group/types.ts'
import type { Logger } from '../log.ts'
import type { MetadataImage } from '../metadata/image.ts'
import type { Clock } from '../ports/clock.ts'
import type { Random } from '../ports/random.ts'
import type { Replicas } from '../replica/manager.ts'
import type { ReplicaManager } from '../replica/types.ts'
import type { ProducerIds } from './producer-ids.ts'
import type { Succession } from './succession.ts'

/** Sends to the active controller, finding it again until the deadline (decision 19). */
export type ControllerChannel = {
  /** As this broker itself: BrokerHeartbeat, AlterPartition, AllocateProducerIds, ... */
  call<A extends Api>(
    api: A,
    version: number,
    request: Request<A>,
    timeoutMs: number,
  ): Promise<Response<A>>
  /** In an Envelope, as the client that asked. */
  forward<A extends Api>(
    api: A,
    request: Request<A>,
    asker: Asker,
    timeoutMs: number,
  ): Promise<Response<A>>
}

export type BrokerHost = {
  readonly nodeId: number
  readonly clusterId: string
  readonly config: Config
  readonly clock: Clock
  readonly random: Random
  readonly log: Logger
  image(): MetadataImage
  /** -1 before it is registered. */
  brokerEpoch(): number
  readonly controller: ControllerChannel
  readonly replicas: ReplicaManager
  readonly groups: GroupCoordinator
}

/** What the handlers of this broker's own data stand on, beyond what all may use. */
export type DataBroker = Omit<BrokerHost, 'replicas' | 'config'> &
  Features & {
    readonly config: LayeredConfig
    readonly replicas: Replicas
    readonly producerIds: ProducerIds
    /** Whom this node takes for the active controller; -1: nobody. */
    activeControllerId(): number
    /** To be awaited before clients are told of these leaders. */
    readonly succession: Succession
  }
