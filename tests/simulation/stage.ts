/**
 * Where a named scenario is played: a world with its clients, a hand on each message, and what one
 * asks of it in the end. What goes wrong is done by the same actions as a script's.
 */
import type { PartitionState } from '../../actors/metadata/image.ts'
import type { Partition } from '../../actors/replica/partition.ts'
import { errorCodes } from '../../transport/protocol/errors.ts'
import { CreateTopics } from '../../transport/schemas/19-create-topics.ts'
import type { SimNode } from './cluster.ts'
import { resolve } from './faults.ts'
import type { Entry } from './logs.ts'
import type { Message } from './network.ts'
import type { Outcome } from './producer.ts'
import { seededRandom } from './random.ts'
import type { Action, Script, Target } from './script.ts'
import { comeRight, comeToRest, isOperation, prepare, type Result, settle } from './simulate.ts'
import type { TraceEvent } from './trace.ts'
import { must } from './violation.ts'
import { quietNetwork } from './ways.ts'
import type { Clients } from './workload.ts'
import { createWorld, type World } from './world.ts'

export type Scenario = {
  /** Whose lesson it is, what happens, and what must come of it. */
  lesson: string
  script: Script
  /** Before the first node starts. */
  prepare?(world: World): void
  play(stage: Stage): Promise<void>
}

export type Stage = World & {
  clients: Clients
  act(action: Action): void
  node(target: Target): SimNode
  /** One batch to a partition, by the producer of the script. */
  send(values: string[], partition?: number, topic?: string): Promise<Outcome>
  /** Sends one record after the other, until told to stop. */
  keepSending(everyMs: number): { stop(): void; acked(): number }
  /** Its value, once it has come. */
  within<T>(ms: number, words: string, promise: Promise<T>): Promise<T>
  /** Its power goes; of what it had not synced all is left, or nothing. It stays off. */
  cutPower(node: SimNode, unsynced: 'kept' | 'lost'): void
  start(node: SimNode): void
  /** As the newest image has it. */
  partition(topic?: string, index?: number): PartitionState
  /** The replica of a broker that runs. */
  row(node: SimNode, topic?: string, partition?: number): Partition
  /** What its disk holds. */
  entries(node: SimNode, log?: string): readonly Entry[]
  /** What the scenario asserts. */
  require(holds: boolean, words: string, details?: object): void
  /** Sees each message between nodes; one that is taken is not delivered. */
  intercept(take: (message: Message) => boolean): void
  /** Who was fenced in the life in which it had been unfenced, so far. */
  fencings(): readonly { id: number; ms: number }[]
  isUnfenced(node: SimNode): boolean
  /** The epoch that somebody leads now; -1: nobody leads. */
  ledEpoch(): number
  /** The newest epoch of the quorum that any running node knows. */
  quorumEpoch(): number
  /** One request; whether the topic was created. */
  createTopic(name: string, partitions: number, replicas?: number[][]): Promise<boolean>
}

type Shaped = {
  brokers?: number
  controllers?: number
  config?: Record<string, string>
  nats?: { maxPayload: number }
  partitions?: number
  /** Of `first`, which then has one partition. */
  replicas?: number[]
}

/** The metadata log rolls tiny segments, and is soon cut behind a snapshot. */
export const cutMetadata = {
  'internal.metadata.log.segment.bytes': '600',
  'metadata.log.max.record.bytes.between.snapshots': '1500',
  'metadata.max.retention.bytes': '4000',
}

/** Nothing goes wrong by itself: one topic, `first`, with one producer, `producer`. */
export function quietScript(seed: number, shaped: Shaped = {}): Script {
  const { brokers = 3, controllers = 0, config = {}, nats, partitions = 1, replicas } = shaped
  return {
    seed,
    shape: {
      brokers,
      controllers,
      config: {
        'offsets.topic.num.partitions': '1',
        'min.insync.replicas': '2',
        'default.replication.factor': '3',
        ...config,
      },
      ...(nats && { nats }),
    },
    workload: {
      topics: [
        { name: 'first', partitions, configs: {}, ...(replicas && { replicas: [replicas] }) },
      ],
      producers: [{ name: 'producer', acks: -1, inFlightMax: 5 }],
      groups: [],
    },
    network: { ...quietNetwork },
    faultyMs: 0,
    actions: [],
  }
}

export function enact(
  { script, prepare: before, play }: Scenario,
  onTrace?: (event: TraceEvent) => void,
): Promise<Result> {
  const world = createWorld(script, onTrace)
  const begunAt = () => 0
  return settle(script, world, begunAt, async () => {
    const fencings = watchFencings(world)
    before?.(world)
    const clients = await prepare(world, script)
    await play(createStage(world, clients, fencings))
    await comeRight(world, clients)
    await comeToRest(world, clients)
  })
}

/** No chance: each change of a disk survives a power cut, or none. */
const allKept = { ...seededRandom(0), chance: () => true, below: (bound: number) => bound - 1 }
const allLost = { ...seededRandom(0), chance: () => false, below: () => 0 }

type Fencing = { id: number; ms: number }

function watchFencings({ cluster, scheduler, trace }: World): readonly Fencing[] {
  const fencings: Fencing[] = []
  const unfenced = new Map<number, string>()
  let seen = -1
  scheduler.onStep(() => {
    const image = cluster.newestImage()
    if (image === undefined || image.offset === seen) return
    seen = image.offset
    for (const { id, fenced, incarnationId } of image.brokers().values()) {
      if (!fenced) unfenced.set(id, incarnationId)
      else if (unfenced.get(id) === incarnationId) {
        unfenced.delete(id)
        trace.note('fenced', { node: id })
        fencings.push({ id, ms: scheduler.now() })
      }
    }
  })
  return fencings
}

function createStage(world: World, clients: Clients, fencings: readonly Fencing[]): Stage {
  const { cluster, scheduler, client, fail } = world
  const admin = client('stage admin')
  let values = 0

  const require: Stage['require'] = (holds, words, details = {}) =>
    must(holds, 'scenario', words, () => details)
  const send: Stage['send'] = (sent, partition = 0, topic = 'first') =>
    clients.send('producer', topic, partition, sent)

  const stage: Stage = {
    ...world,
    clients,
    act(action) {
      if (isOperation(action)) clients.perform(action)
      else require(world.faults.perform(action), 'the fault has an object', action)
    },
    node(target) {
      const found = resolve(cluster, target)
      must(found !== undefined, 'scenario', 'somebody is who is asked for', () => ({ target }))
      return found
    },
    send,
    keepSending(everyMs) {
      let acked = 0
      let isOn = true
      const one = () => {
        if (!isOn) return
        send([`kept-${values++}`]).then(({ acked: isAcked }) => {
          if (isAcked) acked++
        }, fail)
        scheduler.after(everyMs, one)
      }
      one()
      return {
        stop() {
          isOn = false
        },
        acked: () => acked,
      }
    },
    async within<T>(ms: number, words: string, promise: Promise<T>): Promise<T> {
      let found: { value: T } | undefined
      promise.then((value: T) => {
        found = { value }
      }, fail)
      await world.until('scenario', words, ms, () => found !== undefined)
      return found!.value
    },
    cutPower(node, unsynced) {
      cluster.powerCut(node, unsynced === 'kept' ? allKept : allLost)
      world.checker.lost(node.id)
      world.checker.logs.refresh()
    },
    start: cluster.start,
    partition(topic = 'first', index = 0) {
      const found = cluster.newestImage()?.topicByName(topic)?.partition(index)
      must(found !== undefined, 'scenario', 'the partition is there', () => ({ topic, index }))
      return found
    },
    row({ id, parts }, topic = 'first', index = 0) {
      const rows = [...(parts?.broker?.host.replicas.rows() ?? [])]
      const found = rows.find((row) => row.topic === topic && row.partition === index)
      must(found !== undefined, 'scenario', 'the replica is there', () => ({ id, topic, index }))
      return found
    },
    entries: ({ id }, log = 'first-0') => world.checker.logs.view(id, log)?.entries ?? [],
    require,
    intercept(take) {
      cluster.network.intercept = take
    },
    fencings: () => fencings,
    isUnfenced({ id, parts }) {
      const known = cluster.newestImage()?.brokers().get(id)
      return (
        parts !== undefined &&
        known?.fenced === false &&
        known.incarnationId === parts.endpoint.incarnationId
      )
    },
    ledEpoch: () =>
      Math.max(...cluster.nodes.map(({ parts }) => parts?.quorum.rpc.leadership()?.epoch ?? -1)),
    quorumEpoch: () =>
      Math.max(...cluster.nodes.map(({ parts }) => parts?.quorum.leaderAndEpoch().epoch ?? -1)),
    async createTopic(name, partitions, replicas = []) {
      const { topics } = await admin.request(
        admin.anyAddress(),
        CreateTopics,
        7,
        {
          topics: [
            {
              name,
              numPartitions: replicas.length > 0 ? -1 : partitions,
              replicationFactor: -1,
              assignments: replicas.map((brokerIds, partitionIndex) => ({
                partitionIndex,
                brokerIds,
              })),
              configs: [],
            },
          ],
          timeoutMs: 5_000,
          validateOnly: false,
        },
        8_000,
      )
      return topics[0]?.errorCode === errorCodes.NONE
    },
  }
  return stage
}
