/** A few quorum replicas on one fake clock and network, with disks that outlive them. */

import type { Logger } from '../../../actors/log.ts'
import type { Random } from '../../../actors/ports/random.ts'
import { type HostedQuorum, hostQuorum } from '../../../actors/quorum/host.ts'
import type { QuorumConfig } from '../../../actors/quorum/replica.ts'
import { writeBootstrapSnapshot } from '../../../actors/quorum/snapshot-file.ts'
import type { CommittedBatch, QuorumListener, Voter } from '../../../actors/quorum/types.ts'
import { draw } from '../../../machines/quorum/votes.ts'
import type { MetadataRecord } from '../../../transport/records/metadata.ts'
import { type FakeClock, fakeClock } from './fake-clock.ts'
import { type FakeDisk, fakeDisk } from './fake-disk.ts'
import { type FakeNetwork, fakeNetwork } from './fake-network.ts'

const clusterId = 'xtzWWN4bTjitpL3kfd9s5g'

export type Node = {
  id: number
  disk: FakeDisk
  quorum: HostedQuorum | undefined
  /** Names of the records it was told, by offset; a loaded snapshot fills in what it holds. */
  told: Map<number, string>
  leaders: string[]
  incarnation: number
  halted: unknown
}

export type World = {
  clock: FakeClock
  network: FakeNetwork
  random: Random
  nodes: Map<number, Node>
  node(id: number): Node
  start(id: number): Promise<void>
  startAll(): Promise<void>
  kill(id: number): void
  stop(id: number): Promise<void>
  leader(): Node | undefined
  /** Lets time pass until it holds. */
  until(holds: () => boolean, ms?: number): Promise<void>
  append(name: string): number
}

export const directoryOf = (id: number): string => `DIRECTORY${String(id).padStart(12, '0')}A`

export const seededRandom = (seed: number): Random => {
  let state = seed
  const next = () => {
    const drawn = draw(state)
    state = drawn.seed
    return drawn.value
  }
  const below = (bound: number) => Math.floor(next() * bound)
  const uuid = () => `uuid${String(below(1e9)).padStart(18, '0')}`
  return { next, below, uuid }
}

export const silent: Logger = {
  debug() {},
  info() {},
  warn() {},
  error() {},
  child: () => silent,
}

export const record = (name: string): MetadataRecord => ({
  type: 'ConfigRecord',
  resourceType: 2,
  resourceName: 'topic',
  name,
  value: 'x',
})
const nameOf = (of: MetadataRecord): string => (of.type === 'ConfigRecord' ? of.name : of.type)

export const voterOf = (id: number): Voter => ({
  id,
  directoryId: directoryOf(id),
  endpoints: [{ name: 'CONTROLLER', host: 'localhost', port: 9000 + id }],
  kraftVersion: { min: 0, max: 1 },
})

export const config: QuorumConfig = {
  electionTimeoutMs: 1000,
  fetchTimeoutMs: 2000,
  electionBackoffMaxMs: 1000,
  requestTimeoutMs: 2000,
  retryBackoffMs: 20,
  fetchMaxBytes: 1024 * 1024,
  fetchSnapshotMaxBytes: 100,
  retentionBytes: 100 * 1024 * 1024,
  retentionMs: -1,
}

export type WorldOptions = {
  voters: number[]
  observers?: number[]
  seed?: number
  /** kraft.version 0. */
  statics?: boolean
  config?: Partial<QuorumConfig>
  check?: (world: World) => void
  logger?: Logger
}

export function quorumWorld(options: WorldOptions): World {
  const { voters, observers = [], seed = 1, statics = false } = options
  const random = seededRandom(seed)
  const clock = fakeClock(() => options.check?.(world))
  const network = fakeNetwork(clock, random)
  const nodes = new Map<number, Node>()
  for (const id of [...voters, ...observers]) {
    const disk = fakeDisk(clock, directoryOf(id))
    if (voters.includes(id) && !statics) {
      const writer = disk.store.createSnapshot({ offset: 0, epoch: 0 })
      writeBootstrapSnapshot(writer, { voters: voters.map(voterOf), nowMs: clock.now() })
    }
    const fresh = { quorum: undefined, told: new Map(), leaders: [], incarnation: 0 }
    nodes.set(id, { id, disk, ...fresh, halted: undefined })
  }

  const node = (id: number): Node => nodes.get(id)!

  function listener(of: Node): QuorumListener {
    return {
      handleCommit({ baseOffset, records }: CommittedBatch) {
        for (const [index, each] of records.entries()) of.told.set(baseOffset + index, nameOf(each))
      },
      handleLoadSnapshot({ lastContainedOffset, batches }) {
        of.told.clear()
        const names = [...batches].flat().map(nameOf)
        for (const [index, name] of names.entries()) {
          of.told.set(lastContainedOffset - names.length + 1 + index, name)
        }
      },
      handleLeaderChange: ({ leaderId, epoch }) => void of.leaders.push(`${leaderId}@${epoch}`),
    }
  }

  const world: World = {
    clock,
    network,
    random,
    nodes,
    node,
    async start(id) {
      const of = node(id)
      of.incarnation++
      of.told = new Map()
      const self = { nodeId: id, incarnationId: `incarnation-${id}-${of.incarnation}` }
      const link = network.link(self, clusterId)
      const quorum = hostQuorum({
        clusterId,
        self: { id, directoryId: directoryOf(id) },
        endpoints: voterOf(id).endpoints,
        ...(statics && { staticVoters: voters.map(voterOf) }),
        bootstrapIds: () => voters,
        store: of.disk.store,
        log: of.disk.log,
        link,
        clock,
        random,
        logger: options.logger ?? silent,
        halt: (why) => {
          of.halted = why
          void link.close()
        },
        config: { ...config, ...options.config },
      })
      of.quorum = quorum
      links.set(id, link)
      quorum.listen(listener(of))
      await link.connect()
      const started = quorum.start()
      // Opening the log takes turns of the clock.
      let isUp = false
      const up = started.then(() => {
        isUp = true
      })
      while (!isUp && (await clock.step())) {}
      await up
    },
    async startAll() {
      for (const id of nodes.keys()) await world.start(id)
    },
    kill(id) {
      const of = node(id)
      of.quorum?.abandon()
      of.quorum = undefined
      void links.get(id)?.close()
      of.disk.crash()
    },
    async stop(id) {
      const of = node(id)
      let done = false
      const stopped = of.quorum!.stop().then(() => {
        done = true
      })
      while (!done && (await clock.step())) {}
      await stopped
      await links.get(id)?.close()
      of.quorum = undefined
    },
    leader() {
      const leaders = [...nodes.values()].filter(
        ({ quorum }) => quorum?.rpc.leadership() !== undefined,
      )
      return leaders.sort((a, b) => epochOf(b) - epochOf(a))[0]
    },
    async until(holds, ms = 30_000) {
      const deadline = clock.monotonic() + ms
      await clock.settled()
      while (!holds()) {
        if (clock.monotonic() > deadline) throw new Error(`not within ${ms} ms: ${holds}`)
        await clock.step()
      }
    },
    append(name) {
      const { quorum } = world.leader()!
      return quorum!.append(quorum!.rpc.leadership()!.epoch, [record(name)])
    },
  }
  const links = new Map<number, ReturnType<FakeNetwork['link']>>()
  return world
}

export const epochOf = ({ quorum }: Node): number => quorum?.role().context.epoch ?? -1
