/**
 * What is compared: three combined nodes, replication factor 3, on this machine, with the same
 * properties. Kafka and Samsa differ in how their nodes are started and which processes count.
 */

export type Form = 'processes' | 'embedded'

export type System = {
  name: 'Kafka' | 'Samsa'
  form: Form
  /**
   * Formats new folders and starts; resolves once processes run, not once they serve.
   * @param extra properties beside those of both
   */
  create(folder: string, extra?: Record<string, string>): Promise<Cluster>
}

export type Cluster = {
  bootstrap: string
  /** Of everything that serves, a NATS server included. */
  pids(): number[]
  /** Starts all nodes on what their folders hold; resolves at once. */
  start(): Promise<void>
  /** kill -9, of the process or of a node in it. */
  kill(node: number): Promise<void>
  killAll(): Promise<void>
  /** Controlled shutdown of one node. */
  stop(node: number): Promise<void>
  restart(node: number): Promise<void>
  /** Controlled shutdown of all at once. */
  stopAll(): Promise<void>
  close(): Promise<void>
}

/** The same for both; what is not named is each one's default, and those are Kafka's. */
export const properties: Record<string, string> = {
  'default.replication.factor': '3',
  'min.insync.replicas': '2',
  'offsets.topic.replication.factor': '3',
  'offsets.topic.num.partitions': '8',
  'group.initial.rebalance.delay.ms': '0',
}

export const clusterId = 'AAAAAAAAQACAAAAAAAAAAQ'
export const nodeIds = [1, 2, 3]
