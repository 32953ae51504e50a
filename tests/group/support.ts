/**
 * A broker that coordinates groups, over logs in memory: commits at once, held back, refused or lost
 * with the leadership. Requests and answers go through the wire format of their version.
 */
import * as assert from 'uvu/assert'
import type { Asker, Handler } from '../../actors/apis/handler.ts'
import type { BrokerHost, DataBroker } from '../../actors/broker/types.ts'
import { layeredConfig } from '../../actors/config/layered-config.ts'
import { createGroupCoordinator } from '../../actors/group/coordinator.ts'
import { OFFSETS_TOPIC } from '../../actors/group/types.ts'
import type { Logger } from '../../actors/log.ts'
import type {
  BrokerState,
  MetadataDelta,
  MetadataImage,
  TopicView,
} from '../../actors/metadata/image.ts'
import type { TopicPartition } from '../../actors/ports/log.ts'
import type { Random } from '../../actors/ports/random.ts'
import type { PartitionView, ReplicaManager } from '../../actors/replica/types.ts'
import {
  type Api,
  decodeRequest,
  decodeResponse,
  encodeRequest,
  encodeResponse,
  peekRequestHeader,
  type Request,
  type Response,
} from '../../transport/protocol/api.ts'
import type { ErrorName } from '../../transport/protocol/errors.ts'
import { batches, layout, nextOffset } from '../../transport/records/batch.ts'
import { records } from '../../transport/records/records.ts'
import { type FakeClock, fakeClock } from '../support/clock.ts'

const silent: Logger = {
  debug() {},
  info() {},
  warn() {},
  error() {},
  child: () => silent,
}

/** One partition of the offsets topic, shared by all brokers of a test: what is durable. */
export function offsetsLog() {
  let waiting: { offset: number; then: (committed: boolean) => void }[] = []
  const log = {
    batches: [] as Buffer[],
    end: 0,
    highWatermark: 0,
    leader: 1,
    leaderEpoch: 0,
    /** Whether appends are committed at once. */
    prompt: true,
    refusal: null as ErrorName | null,
  }
  /** The followers have fetched up to an offset, or all. */
  function commit(upTo = log.end) {
    log.highWatermark = Math.max(log.highWatermark, upTo)
    const due = waiting.filter(({ offset }) => offset < log.highWatermark)
    waiting = waiting.filter((one) => !due.includes(one))
    for (const { then } of due) then(true)
  }
  return Object.assign(log, {
    commit,
    append(batch: Buffer): number {
      const stored = Buffer.from(batch)
      const base = log.end
      stored.writeBigInt64BE(BigInt(base), layout.baseOffset)
      log.batches.push(stored)
      log.end = nextOffset(stored, 0)
      if (log.prompt) commit()
      return base
    },
    whenCommitted(offset: number, then: (committed: boolean) => void) {
      if (log.highWatermark > offset) then(true)
      else waiting.push({ offset, then })
    },
    /** Another broker leads; what was not committed may be truncated away. */
    moveTo(leader: number, keep: 'all' | 'committed' = 'all') {
      log.leader = leader
      log.leaderEpoch++
      if (keep === 'committed') {
        log.batches = log.batches.filter((batch) => nextOffset(batch, 0) <= log.highWatermark)
        log.end = log.highWatermark
      }
      for (const { then } of waiting.splice(0)) then(false)
    },
    read(from: number, maxBytes: number): Buffer {
      const out: Buffer[] = []
      let bytes = 0
      for (const batch of log.batches) {
        const next = nextOffset(batch, 0)
        if (next <= from || next > log.highWatermark) continue
        if (out.length > 0 && bytes + batch.length > maxBytes) break
        out.push(batch)
        bytes += batch.length
      }
      return Buffer.concat(out)
    },
    /** Every record that was ever appended. */
    *entries() {
      for (const batch of log.batches) {
        for (const at of batches(batch)) yield* records(batch, at)
      }
    },
  })
}
export type OffsetsLog = ReturnType<typeof offsetsLog>

export type World = {
  clock: FakeClock
  logs: OffsetsLog[]
  topics: Map<string, { id: string; partitions: number }>
  brokers: Map<number, BrokerState>
  created: Request<Api>[]
  /** Brokers that were started: none draws the uuids of another. */
  started: number
}

const idOf = (name: string) => Buffer.from(name.padEnd(16, '-')).toString('base64url')

export function world(partitions = 1): World {
  const clock = fakeClock(1_700_000_000_000)
  const brokers = new Map<number, BrokerState>()
  for (const id of [1, 2]) brokers.set(id, brokerState(id))
  return {
    clock,
    logs: Array.from({ length: partitions }, () => offsetsLog()),
    topics: new Map([
      [OFFSETS_TOPIC, { id: idOf(OFFSETS_TOPIC), partitions }],
      ['orders', { id: idOf('orders'), partitions: 4 }],
      ['audit', { id: idOf('audit'), partitions: 2 }],
    ]),
    brokers,
    created: [],
    started: 0,
  }
}

const brokerState = (id: number): BrokerState => ({
  id,
  epoch: id,
  incarnationId: idOf(`broker${id}`),
  endpoints: [{ name: 'PLAINTEXT', host: `host${id}`, port: 9090 + id, securityProtocol: 0 }],
  features: [],
  rack: null,
  fenced: false,
  inControlledShutdown: false,
  logDirs: [],
  isMigratingZkBroker: false,
})

function imageOf({ topics, logs, brokers }: World): MetadataImage {
  const view = (name: string): TopicView | undefined => {
    const topic = topics.get(name)
    if (topic === undefined) return undefined
    return {
      name,
      id: topic.id,
      partitionCount: () => topic.partitions,
      partition(index) {
        if (index < 0 || index >= topic.partitions) return undefined
        const log = name === OFFSETS_TOPIC ? logs[index] : undefined
        return {
          partition: index,
          replicas: [1, 2],
          directories: [],
          isr: [1, 2],
          removingReplicas: [],
          addingReplicas: [],
          leader: log?.leader ?? 1,
          leaderEpoch: log?.leaderEpoch ?? 0,
          partitionEpoch: 0,
          leaderRecoveryState: 0,
          elr: [],
          lastKnownElr: [],
        }
      },
    }
  }
  const nothing = new Map<never, never>()
  return {
    offset: 0,
    epoch: 0,
    timestampMs: 0,
    features: () => nothing,
    brokers: () => brokers,
    controllers: () => nothing,
    topicByName: view,
    topicById: (id) => view([...topics].find(([, topic]) => topic.id === id)?.[0] ?? ''),
    topics: () => Array.from(topics.keys(), (name) => view(name)!),
    topicCount: () => topics.size,
    configs: () => nothing,
    configResources: () => [],
    nextProducerId: () => 0,
  }
}

const delta = (of: Partial<MetadataDelta> = {}): MetadataDelta => ({
  fromSnapshot: false,
  changedPartitions: new Map(),
  deletedTopics: new Map(),
  changedBrokers: new Set(),
  changedConfigs: [],
  featuresChanged: false,
  ...of,
})

function replicasOf({ logs }: World, nodeId: number): ReplicaManager {
  const at = ({ topic, partition }: TopicPartition) =>
    topic === OFFSETS_TOPIC ? logs[partition] : undefined
  const viewOf = (of: TopicPartition, log: OffsetsLog): PartitionView => ({
    ...of,
    topicId: idOf(of.topic),
    isLeader: () => log.leader === nodeId,
    leaderId: () => log.leader,
    leaderEpoch: () => log.leaderEpoch,
    logStartOffset: () => 0,
    logEndOffset: () => log.end,
    highWatermark: () => log.highWatermark,
    lastStableOffset: () => log.highWatermark,
    readCommitted: (from, maxBytes) => log.read(from, maxBytes),
  })
  const no = (error: ErrorName) => ({
    error,
    message: null,
    baseOffset: -1,
    logAppendTimeMs: -1,
    logStartOffset: -1,
  })
  return {
    get(of) {
      const log = at(of)
      return log && viewOf(of, log)
    },
    partitions: () => [],
    append(of, batch, { origin, requiredAcks }) {
      assert.is(origin, 'coordinator')
      assert.is(requiredAcks, 1)
      const log = at(of)!
      if (log.leader !== nodeId) return no('NOT_LEADER_OR_FOLLOWER')
      if (log.refusal !== null) return no(log.refusal)
      return { ...no('NONE'), baseOffset: log.append(batch) }
    },
    whenCommitted(of, offset, then) {
      const log = at(of)!
      if (log.leader !== nodeId) then(false)
      else log.whenCommitted(offset, then)
    },
  } as ReplicaManager
}

function seeded(seed: number): Random {
  let state = seed >>> 0
  const next = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return state / 2 ** 32
  }
  const below = (bound: number) => Math.floor(next() * bound)
  const bytes = () => Buffer.from(Array.from({ length: 16 }, () => below(256)))
  return { next, below, uuid: () => bytes().toString('base64url') }
}

export type Settings = Record<string, string | number>

export function broker(on: World, nodeId = 1, settings: Settings = {}, log = silent) {
  const failures: unknown[] = []
  const config = layeredConfig(
    new Map(
      Object.entries({ 'group.initial.rebalance.delay.ms': 0, ...settings }).map(([k, v]) => [
        k,
        String(v),
      ]),
    ),
  )
  const replicas = replicasOf(on, nodeId)
  const image = imageOf(on)
  const ports = {
    config,
    clock: on.clock,
    random: seeded(++on.started * 7_919),
    log,
    replicas,
  }
  const groups = createGroupCoordinator({ nodeId, ...ports, halt: (why) => failures.push(why) })
  const host: CoordinatorHost = {
    ...ports,
    nodeId,
    clusterId: idOf('cluster'),
    groups,
    image: () => image,
    brokerEpoch: () => nodeId,
    controller: {
      call: async () =>
        assert.unreachable('controllers answer CreateTopics in an Envelope') as never,
      forward: async (_, request) => {
        on.created.push(request as Request<Api>)
        return { throttleTimeMs: 0, topics: [{ errorCode: 0, errorMessage: null }] } as never
      },
    },
    succession: () => undefined,
  } as CoordinatorHost

  async function ask<A extends Api>(
    handler: Handler<CoordinatorHost>,
    api: A,
    version: number,
    request: Request<A>,
    clientId = 'client',
  ): Promise<Response<A>> {
    const frame = Buffer.concat(
      encodeRequest(api, version, { correlationId: 7, clientId }, request),
    )
    const header = peekRequestHeader(frame)
    const asker: Asker = {
      apiVersion: version,
      correlationId: 7,
      clientId,
      principal: 'User:ANONYMOUS',
      clientAddress: '/127.0.0.1',
      listenerName: 'PLAINTEXT',
      connectionId: 'c',
    } as Asker
    const decoded = decodeRequest(api, header, frame)
    const answer = (await handler.answer(decoded, asker, host, silent)) as Response<A>
    assert.equal(failures, [], 'no invariant is broken')
    frame.fill(0xee) // frames are reused: who kept a part of one now has rubbish
    return decodeResponse(api, version, Buffer.concat(encodeResponse(api, version, 7, answer)))
  }

  return {
    host,
    groups,
    failures,
    ask,
    /** The image of this broker has caught up with the world. */
    async hear(of: Partial<MetadataDelta> = {}) {
      const offsetsTopic = on.topics.get(OFFSETS_TOPIC)
      const changed = new Map(
        offsetsTopic ? [[offsetsTopic.id, new Set(on.logs.map((_, i) => i))]] : [],
      )
      groups.onMetadata(image, delta({ changedPartitions: changed, ...of }))
      await on.clock.advance(1)
    },
  }
}
type CoordinatorHost = BrokerHost & Pick<DataBroker, 'succession'>

export type Broker = ReturnType<typeof broker>

/** A world with one broker that coordinates everything, loaded. */
export async function coordinated(settings: Settings = {}, partitions = 1) {
  const on = world(partitions)
  const it = broker(on, 1, settings)
  await it.hear()
  return { ...on, world: on, broker: it }
}
