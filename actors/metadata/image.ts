/**
 * The cluster as the metadata log describes it, up to one offset. Every node replays the same
 * records into the same image (M1); nothing else changes it.
 *
 * Readers take it as it stands and must not keep rows across turns. Arrays are replaced, never changed.
 */

export type PartitionState = {
  partition: number
  /** Broker ids, the preferred leader first. */
  replicas: number[]
  /** A log directory id for each replica, in their order. */
  directories: string[]
  isr: number[]
  removingReplicas: number[]
  addingReplicas: number[]
  /** -1: none. */
  leader: number
  leaderEpoch: number
  partitionEpoch: number
  /** 0 recovered, 1 recovering (uncleanly elected). */
  leaderRecoveryState: number
  elr: number[]
  lastKnownElr: number[]
}

export type BrokerEndpoint = {
  name: string
  host: string
  port: number
  securityProtocol: number
}

export type BrokerState = {
  id: number
  /** The offset of its registration record. */
  epoch: number
  incarnationId: string
  endpoints: BrokerEndpoint[]
  features: { name: string; min: number; max: number }[]
  rack: string | null
  fenced: boolean
  inControlledShutdown: boolean
  logDirs: string[]
  isMigratingZkBroker: boolean
  /** Directories that get no new replicas (KIP-1066). */
  cordonedLogDirs?: string[]
}

export type ControllerState = {
  id: number
  incarnationId: string
  endpoints: BrokerEndpoint[]
  features: { name: string; min: number; max: number }[]
}

/** Rows are in columns inside; this is how others see a topic. */
export type TopicView = {
  readonly name: string
  readonly id: string
  partitionCount(): number
  partition(index: number): PartitionState | undefined
}

/** Kafka's ConfigResource types. */
export type ConfigResource = { type: 'topic' | 'broker' | 'group' | 'client-metrics'; name: string }

export type MetadataImage = {
  /** The last offset that is in it, -1 when empty; with its epoch and append time. */
  readonly offset: number
  readonly epoch: number
  readonly timestampMs: number
  /** Feature name → finalized level; metadata.version is one of them. */
  features(): ReadonlyMap<string, number>
  brokers(): ReadonlyMap<number, BrokerState>
  controllers(): ReadonlyMap<number, ControllerState>
  topicByName(name: string): TopicView | undefined
  topicById(id: string): TopicView | undefined
  topics(): Iterable<TopicView>
  topicCount(): number
  /** What was set on this resource itself; broker '' holds the cluster-wide defaults. */
  configs(of: ConfigResource): ReadonlyMap<string, string>
  configResources(): Iterable<ConfigResource>
  nextProducerId(): number
}

/** What changed between two published images. */
export type MetadataDelta = {
  /** True when the image was loaded from a snapshot: take everything as changed. */
  fromSnapshot: boolean
  /** Topic id → partitions created or changed. */
  changedPartitions: ReadonlyMap<string, ReadonlySet<number>>
  /** Topics deleted, by id. */
  deletedTopics: ReadonlyMap<string, { name: string; partitions: number }>
  changedBrokers: ReadonlySet<number>
  changedConfigs: readonly ConfigResource[]
  featuresChanged: boolean
}

/** Hears each published image, in order, after every committed batch or metadata transaction. */
export type MetadataListener = (image: MetadataImage, delta: MetadataDelta) => void
