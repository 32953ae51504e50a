/**
 * Brokers over the memory link with real logs in a temporary folder, and a plain controller. Time moves
 * only when a scenario says so.
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
import type { MetadataImage, PartitionState } from '../../actors/metadata/image.ts'
import type { LogStore } from '../../actors/ports/log.ts'
import type { Disk } from '../../runtime/disk/disk.ts'
import { nodeDisk } from '../../runtime/disk/node-disk.ts'
import { type Directories, openDirectories } from '../../runtime/storage/directories.ts'
import { openLogStore } from '../../runtime/storage/log-store.ts'
import { writeMetaProperties } from '../../runtime/storage/meta-properties.ts'
import type { Link } from '../../transport/links/link.ts'
import { memoryNetwork } from '../../transport/links/memory.ts'
import {
  type Api,
  decodeResponse,
  encodeResponse,
  type Request,
  type Response,
} from '../../transport/protocol/api.ts'
import type { MetadataRecord } from '../../transport/records/metadata.ts'
import { encodeBatch, type NewBatch } from '../../transport/records/records.ts'
import { countingRandom, silent } from '../storage/support.ts'
import { type FakeClock, fakeClock } from '../support/clock.ts'
import { directoryOf, fencing } from './changes.ts'
import { type ControllerHooks, servePlainController } from './plain-controller.ts'

export const clusterId = 'AAAAAAAAQACAAAAAAAAAAQ'
const controllerId = 100

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

export type Rig = ControllerHooks & {
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
    fence: (brokerId, fenced) => apply(fencing(truth, brokerId, fenced)),
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
  servePlainController({
    link: controllerLink,
    truth,
    apply,
    lastOffset: rig.lastOffset,
    hooks: rig,
  })
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
