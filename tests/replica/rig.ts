/**
 * Brokers over the memory link with real logs in a temporary folder, and a controller that does no
 * more than it must: registrations, heartbeats, AlterPartition as a compare-and-set, producer ids.
 * Time moves only when a scenario says so.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Asker, Handler } from '../../actors/apis/handler.ts'
import { type Broker, hostBroker } from '../../actors/broker/broker.ts'
import type { ListenerHost } from '../../actors/broker/table.ts'
import { layeredConfig } from '../../actors/config/layered-config.ts'
import { effectiveTopicConfig } from '../../actors/config/topic-config.ts'
import { createImage } from '../../actors/metadata/create-image.ts'
import { collectChanges } from '../../actors/metadata/delta.ts'
import { lostDirectory } from '../../actors/metadata/directory-ids.ts'
import type { MetadataImage, PartitionState } from '../../actors/metadata/image.ts'
import type { LogStore } from '../../actors/ports/log.ts'
import type { Disk } from '../../runtime/disk/disk.ts'
import { nodeDisk } from '../../runtime/disk/node-disk.ts'
import { type Directories, openDirectories } from '../../runtime/storage/directories.ts'
import { openLogStore } from '../../runtime/storage/log-store.ts'
import { writeMetaProperties } from '../../runtime/storage/meta-properties.ts'
import type { Link } from '../../transport/links/link.ts'
import { memoryNetwork } from '../../transport/links/memory.ts'
import { serveApi } from '../../transport/links/rpc.ts'
import {
  type Api,
  decodeResponse,
  encodeResponse,
  type Request,
  type Response,
} from '../../transport/protocol/api.ts'
import { type ErrorName, errorCodes } from '../../transport/protocol/errors.ts'
import type { MetadataRecord } from '../../transport/records/metadata.ts'
import { encodeBatch, type NewBatch } from '../../transport/records/records.ts'
import { AlterPartition } from '../../transport/schemas/56-alter-partition.ts'
import { Envelope } from '../../transport/schemas/58-envelope.ts'
import { BrokerRegistration } from '../../transport/schemas/62-broker-registration.ts'
import { BrokerHeartbeat } from '../../transport/schemas/63-broker-heartbeat.ts'
import { AllocateProducerIds } from '../../transport/schemas/67-allocate-producer-ids.ts'
import { AssignReplicasToDirs } from '../../transport/schemas/73-assign-replicas-to-dirs.ts'
import { countingRandom, silent } from '../storage/support.ts'
import { type FakeClock, fakeClock } from '../support/clock.ts'

export const clusterId = 'AAAAAAAAQACAAAAAAAAAAQ'
const controllerId = 100

type AlterRequest = Request<typeof AlterPartition>
type AlterResponse = Response<typeof AlterPartition>

export type Node = {
  id: number
  broker: Broker
  image(): MetadataImage
  store: LogStore
  /** Records wait for this node instead of reaching it. */
  holdMetadata(): void
  releaseMetadata(): void
  /** As kill -9. */
  kill(): void
  /** From now on every write to its disk fails. */
  failDisk(): void
  /** Once it is killed: its next start finds a new, formatted disk. */
  replaceDisk(): void
  /** Of its first log directory. */
  folder: string
  halted: unknown[]
}

export type Rig = {
  clock: FakeClock
  nodes: Map<number, Node>
  node(id: number): Node
  /** Starts a node, or starts it again over the same folder. */
  start(
    id: number,
    properties?: Record<string, string>,
    where?: 'own' | 'spare' | 'both',
  ): Promise<Node>
  apply(...records: MetadataRecord[]): void
  createTopic(
    name: string,
    options?: { replicas?: number[][]; configs?: Record<string, string>; id?: string },
  ): string
  partition(name: string, index?: number): PartitionState
  ask<A extends Api>(
    id: number,
    api: Handler<ListenerHost>,
    schema: A,
    version: number,
    request: Request<A>,
    asker?: Partial<Asker>,
  ): Promise<Response<A> | undefined>
  /** -1 unfences. */
  fence(brokerId: number, fenced: 1 | -1): void
  /** Every answer that AlterPartition gives goes through this. */
  onAlterPartition: (request: AlterRequest, honest: () => AlterResponse) => Promise<AlterResponse>
  alterations: AlterRequest[]
  /** What AssignReplicasToDirs told, one line each. */
  assignments: string[]
  /** The answer inside an Envelope. */
  onEnvelope: (request: Request<typeof Envelope>) => Buffer
  /** What one node is answered by another goes through this. */
  onAnswer: (asker: number, api: string, answer: Buffer) => Buffer
  network: ReturnType<typeof memoryNetwork>
  /** Leads the metadata quorum, as far as brokers know. */
  setController(id: number): void
  lastOffset(): number
}

export const asker = (apiVersion: number, more: Partial<Asker> = {}): Asker => ({
  apiVersion,
  correlationId: 1,
  clientId: 'test',
  principal: 'User:ANONYMOUS',
  clientAddress: '/127.0.0.1',
  listenerName: 'PLAINTEXT',
  connectionId: 'c1',
  ...more,
})

const asGiven: Rig['onAnswer'] = (_, __, answer) => answer

export async function withBrokers(
  ids: number[],
  scenario: (rig: Rig) => Promise<void>,
  properties: Record<string, string> = {},
): Promise<void> {
  const root = mkdtempSync(join(tmpdir(), 'samsa-broker-'))
  const clock = fakeClock(1_700_000_000_000)
  const random = countingRandom()
  const network = memoryNetwork({ clock })
  const history: MetadataRecord[][] = []
  const nodes = new Map<number, Node>()
  const opened: Directories[] = []
  const receivers = new Set<(records: MetadataRecord[], offset: number) => void>()
  const truth = createImage()
  const changed = new Set<() => void>()
  let controller = controllerId
  let offset = -1

  const apply = (...records: MetadataRecord[]) => {
    history.push(records)
    offset++
    for (const record of records) truth.apply(record)
    truth.advance(offset, 1, clock.now())
    for (const receive of [...receivers]) receive(records, offset)
  }

  const rig: Rig = {
    clock,
    nodes,
    network,
    node: (id) => nodes.get(id)!,
    start,
    apply,
    alterations: [],
    assignments: [],
    fence,
    lastOffset: () => offset,
    setController: (id) => {
      controller = id
      for (const tell of changed) tell()
    },
    createTopic(name, { replicas = [ids], configs = {}, id = random.uuid() } = {}) {
      apply(
        { type: 'TopicRecord', name, topicId: id },
        ...Object.entries(configs).map(
          ([key, value]): MetadataRecord => ({
            type: 'ConfigRecord',
            resourceType: 2,
            resourceName: name,
            name: key,
            value,
          }),
        ),
        ...replicas.map(
          (of, partitionId): MetadataRecord => ({
            type: 'PartitionRecord',
            partitionId,
            topicId: id,
            replicas: of,
            isr: of,
            removingReplicas: [],
            addingReplicas: [],
            leader: of[0]!,
            leaderRecoveryState: 0,
            leaderEpoch: 0,
            partitionEpoch: 0,
            directories: of.map((id) => directoryOf(`directory-${id}`)),
            eligibleLeaderReplicas: null,
            lastKnownElr: null,
          }),
        ),
      )
      return id
    },
    partition: (name, index = 0) => truth.topicByName(name)!.partition(index)!,
    async ask(id, api, schema, version, request, more) {
      const { host } = nodes.get(id)!.broker
      const answer = (await api.answer(request, asker(version, more), host, silent)) as never
      // As the client reads it: a field that the version does not have must not be set.
      if (answer === undefined) return undefined
      return decodeResponse(
        schema,
        version,
        Buffer.concat(encodeResponse(schema, version, 1, answer)),
      )
    },
    onAlterPartition: async (_, honest) => honest(),
    onAnswer: asGiven,
    onEnvelope: () => {
      throw new Error('nothing is forwarded in this scenario')
    },
  }

  const controllerLink = network.link({
    clusterId,
    self: { nodeId: controllerId, incarnationId: random.uuid() },
    onHandlerError: (_, error) => failures.push(error),
  })
  const failures: unknown[] = []
  let producerIds = 1000
  serveController()
  await connectSoon(controllerLink.connect())
  for (const id of ids) await start(id, properties)
  await clock.advance(200)
  try {
    await scenario(rig)
    for (const node of nodes.values()) failures.push(...node.halted)
    if (failures.length > 0) throw failures[0]
  } finally {
    for (const node of nodes.values()) node.kill()
    for (const directories of opened) directories.release()
    await new Promise((resolve) => setTimeout(resolve, 5))
    rmSync(root, { recursive: true, force: true })
  }

  async function start(
    id: number,
    own: Record<string, string> = properties,
    where: 'own' | 'spare' | 'both' = 'own',
  ): Promise<Node> {
    const folder = join(root, `node-${id}`)
    const format = (name: string, path = folder) =>
      writeMetaProperties(nodeDisk, path, { clusterId, nodeId: id, directoryId: directoryOf(name) })
    if (!nodes.has(id)) {
      format(`directory-${id}`)
      format(`spare-${id}`, `${folder}-spare`)
    }
    const logDirs = { own: [folder], spare: [`${folder}-spare`], both: [folder, `${folder}-spare`] }
    const failing = { on: false }
    const disk = failingDisk(failing)
    const directories = openDirectories({ disk, logDirs: logDirs[where], nodeId: id, clusterId })
    opened.push(directories)
    const config = layeredConfig(new Map(Object.entries(own)))
    const store = await openLogStore({
      directories,
      clock,
      random,
      logger: silent,
      configOf: () => effectiveTopicConfig(config, new Map()),
    })
    const image = createImage()
    const plain = network.link({
      clusterId,
      self: { nodeId: id, incarnationId: random.uuid() },
      onHandlerError: (api, error) => node.halted.push({ api, error }),
    })
    const link: Link = {
      ...plain,
      request: async (...asked) => {
        const answer = await plain.request(...asked)
        if (rig.onAnswer === asGiven) return answer
        return [rig.onAnswer(id, asked[1], Buffer.concat(answer))]
      },
    }
    const broker = hostBroker({
      nodeId: id,
      clusterId,
      clock,
      random,
      config,
      log: process.env['LOUD'] ? loud(id) : silent,
      link,
      store,
      kraftVersion: () => 1,
      leader: {
        current: () => ({ leaderId: controller, epoch: 1 }),
        onChange: (listener) => changed.add(listener),
      },
      image: () => image,
      endpoints: () => [
        { name: 'PLAINTEXT', host: `host-${id}`, port: 9000 + id, securityProtocol: 0 },
      ],
      features: [{ name: 'metadata.version', min: 7, max: 30 }],
      groups: () => ({ onMetadata() {}, partitionFor: () => 0, stop() {}, abandon() {} }) as never,
      halt: (why) => node.halted.push(why),
    })
    let held: (() => void)[] | undefined
    const receive = (records: MetadataRecord[], at: number) => {
      const take = () => {
        const changes = collectChanges()
        for (const record of records) image.apply(record, changes)
        image.advance(at, 1, clock.now())
        broker.onMetadata(image, changes.delta(false))
      }
      if (held) held.push(take)
      else take()
    }
    const node: Node = {
      id,
      folder,
      broker,
      store,
      image: () => image,
      halted: [],
      failDisk: () => {
        failing.on = true
      },
      replaceDisk: () => {
        rmSync(folder, { recursive: true })
        format(`replaced-${id}`)
      },
      holdMetadata: () => {
        held ??= []
      },
      releaseMetadata: () => {
        const due = held ?? []
        held = undefined
        for (const take of due) take()
      },
      kill: () => {
        receivers.delete(receive)
        void link.close()
        broker.abandon()
        directories.release()
      },
    }
    nodes.set(id, node)
    await connectSoon(link.connect())
    // As a node replays its log: an image after each batch, from the first on.
    history.forEach(receive)
    receivers.add(receive)
    void broker.start()
    return node
  }

  async function connectSoon(connecting: Promise<void>) {
    await clock.advance(1)
    await connecting
  }

  function serveController() {
    serveApi(controllerLink, BrokerRegistration, [0, 4], (request) => {
      apply({
        type: 'RegisterBrokerRecord',
        brokerId: request.brokerId,
        isMigratingZkBroker: false,
        incarnationId: request.incarnationId,
        brokerEpoch: offset + 1,
        endPoints: request.listeners,
        features: request.features,
        rack: request.rack,
        fenced: true,
        inControlledShutdown: false,
        logDirs: request.logDirs,
        cordonedLogDirs: null,
      })
      return { throttleTimeMs: 0, errorCode: 0, brokerEpoch: offset }
    })
    serveApi(controllerLink, BrokerHeartbeat, [0, 2], (request) => {
      const known = truth.brokers().get(request.brokerId)
      if (known?.epoch !== request.brokerEpoch) {
        return { ...calm, errorCode: errorCodes.STALE_BROKER_EPOCH, isCaughtUp: false }
      }
      const isCaughtUp = request.currentMetadataOffset >= known.epoch
      if (request.wantShutDown) {
        handOver(request.brokerId)
        fence(request.brokerId, 1)
        return { ...calm, isCaughtUp, isFenced: true, shouldShutDown: true }
      }
      if (known.fenced && isCaughtUp && !request.wantFence) fence(request.brokerId, -1)
      return { ...calm, isCaughtUp, isFenced: truth.brokers().get(request.brokerId)!.fenced }
    })
    serveApi(controllerLink, AllocateProducerIds, [0, 0], () => {
      const producerIdStart = producerIds
      producerIds += 10
      return { throttleTimeMs: 0, errorCode: 0, producerIdStart, producerIdLen: 10 }
    })
    serveApi(controllerLink, Envelope, [0, 0], (request) => ({
      responseData: rig.onEnvelope(request),
      errorCode: 0,
    }))
    serveApi(controllerLink, AssignReplicasToDirs, [0, 0], assign)
    serveApi(controllerLink, AlterPartition, [2, 3], (request) => {
      rig.alterations.push(request)
      return rig.onAlterPartition(request, () => alter(request))
    })
  }

  function fence(brokerId: number, fenced: 1 | -1) {
    const { epoch } = truth.brokers().get(brokerId)!
    apply({
      type: 'BrokerRegistrationChangeRecord',
      brokerId,
      brokerEpoch: epoch,
      fenced,
      inControlledShutdown: 0,
      logDirs: [],
      cordonedLogDirs: null,
    })
  }

  function assign({ brokerId, directories }: Request<typeof AssignReplicasToDirs>) {
    for (const { id, topics } of directories) {
      for (const { topicId, partitions } of topics) {
        for (const { partitionIndex } of partitions) {
          const topic = truth.topicById(topicId)!
          const before = topic.partition(partitionIndex)!
          const next = before.directories.map((of, at) =>
            before.replicas[at] === brokerId ? id : of,
          )
          rig.assignments.push(`${brokerId}: ${topic.name}-${partitionIndex} ${nameOf(id)}`)
          apply(change(topicId, partitionIndex, { directories: next }))
        }
      }
    }
    return { throttleTimeMs: 0, errorCode: 0, directories: [] }
  }

  function handOver(brokerId: number) {
    for (const { topicId, partition } of truth.partitionsWithIsrMember(brokerId)) {
      const isr = partition.isr.filter((id) => id !== brokerId)
      if (isr.length === 0) continue
      apply(change(topicId, partition.partition, { isr, leader: isr[0]! }))
    }
  }

  function alter(request: AlterRequest): AlterResponse {
    const topics = request.topics.map(({ topicId, partitions }) => ({
      topicId,
      partitions: partitions.map((wanted) => {
        const state = truth.topicById(topicId)!.partition(wanted.partitionIndex)!
        const isr = wanted.newIsrWithEpochs.map(({ brokerId }) => brokerId)
        let error: ErrorName = 'NONE'
        if (wanted.leaderEpoch < state.leaderEpoch) error = 'FENCED_LEADER_EPOCH'
        else if (wanted.partitionEpoch !== state.partitionEpoch) error = 'INVALID_UPDATE_VERSION'
        else if (isr.some((id) => truth.brokers().get(id)?.fenced)) error = 'INELIGIBLE_REPLICA'
        else apply(change(topicId, wanted.partitionIndex, { isr }))
        const now = truth.topicById(topicId)!.partition(wanted.partitionIndex)!
        return {
          partitionIndex: wanted.partitionIndex,
          errorCode: errorCodes[error],
          leaderId: now.leader,
          leaderEpoch: now.leaderEpoch,
          isr: now.isr,
          leaderRecoveryState: 0,
          partitionEpoch: now.partitionEpoch,
        }
      }),
    }))
    return { throttleTimeMs: 0, errorCode: 0, topics }
  }
}

/** A directory's id by its name. */
export const directoryOf = (name: string) => Buffer.from(name.padEnd(16)).toString('base64url')
const nameOf = (id: string) =>
  id === lostDirectory ? 'lost' : Buffer.from(id, 'base64url').toString().trim()

const calm = {
  throttleTimeMs: 0,
  errorCode: 0,
  isCaughtUp: true,
  isFenced: true,
  shouldShutDown: false,
}

const writing = new Set<string | symbol>(['write', 'writev', 'writeFile', 'truncate', 'sync'])
const failingDisk = (failing: { on: boolean }): Disk =>
  new Proxy(nodeDisk, {
    get(disk, name: keyof Disk) {
      if (!writing.has(name)) return disk[name]
      const call = disk[name] as (...args: unknown[]) => unknown
      return (...args: unknown[]) => {
        if (failing.on) throw Object.assign(new Error('EIO: i/o error'), { code: 'EIO' })
        return call(...args)
      }
    },
  })

const loud = (id: number): typeof silent => {
  const say = (fields: object, message: string) => console.log(id, message, fields)
  return { debug: say, info: say, warn: say, error: say, child: () => loud(id) } as typeof silent
}

/** A change of a partition; a leader, even the same, raises the leader epoch. */
export const change = (
  topicId: string,
  partitionId: number,
  what: { isr?: number[]; leader?: number; replicas?: number[]; directories?: string[] },
): MetadataRecord => ({
  type: 'PartitionChangeRecord',
  partitionId,
  topicId,
  isr: what.isr ?? null,
  leader: what.leader ?? -2,
  replicas: what.replicas ?? null,
  removingReplicas: null,
  addingReplicas: null,
  leaderRecoveryState: -1,
  directories: what.directories ?? null,
  eligibleLeaderReplicas: null,
  lastKnownElr: null,
})

/** A batch with one record per value, as a producer sends it. */
export const batchOf = (values: string[], more: Partial<NewBatch> = {}): Buffer =>
  encodeBatch({
    baseOffset: 0,
    leaderEpoch: -1,
    records: values.map((value) => ({
      key: null,
      value: Buffer.from(value),
      timestamp: 1_700_000_000_000,
    })),
    ...more,
  })
