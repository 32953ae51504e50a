/**
 * The replica chart, walked inside a broker's replicas: the image tells its part, followers fetch from
 * it, and it fetches over a link of the test; logs, link and controller are of paper.
 */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { AnyMachineSnapshot } from 'xstate'
import { layeredConfig } from '../../actors/config/layered-config.ts'
import { createImage } from '../../actors/metadata/create-image.ts'
import { collectChanges } from '../../actors/metadata/delta.ts'
import { brokerRecord } from '../../actors/metadata/snapshot.ts'
import { type Log, type LogDirectory, type LogStore, StorageError } from '../../actors/ports/log.ts'
import { createReplicas, type Replicas } from '../../actors/replica/manager.ts'
import { type ReplicaContext, type ReplicaEvent, replica } from '../../machines/replica.ts'
import type { Link } from '../../transport/links/link.ts'
import type { Request, Response } from '../../transport/protocol/api.ts'
import { decoder, encoder } from '../../transport/protocol/codec.ts'
import { type ErrorName, errorCodes } from '../../transport/protocol/errors.ts'
import type { MetadataRecord } from '../../transport/records/metadata.ts'
import { Fetch } from '../../transport/schemas/01-fetch.ts'
import type { AlterPartition } from '../../transport/schemas/56-alter-partition.ts'
import { batchOf, change } from '../replica/rig.ts'
import { countingRandom, silent } from '../storage/support.ts'
import { fakeClock } from '../support/clock.ts'
import { listenToGuards } from './chart.ts'
import { coverageOf } from './coverage.ts'
import { type Adapter, type Seen, type World, walk } from './walk.ts'

const nodeId = 1
const replicaIds = [1, 2, 3]
const of = { topic: 'orders', partition: 0 }
const uuid = (name: string) => Buffer.from(name.padEnd(16)).toString('base64url')
const topicId = uuid(of.topic)
const epochOf = (broker: number) => broker
const fetchVersion = 18

type Start = {
  name: string
  leader: number
  isr: number[]
  /** When the log directory fails, if it does: as the log is made, or as it is first cut. */
  fails?: 'made' | 'cut'
}

type AlterRequest = Request<typeof AlterPartition>
type AlterResponse = Response<typeof AlterPartition>
type Proposal = {
  leaderEpoch: number
  partitionEpoch: number
  isr: number[]
  answer(how: AlterResponse): void
  lose(): void
}
type Parked = { to: number; answer(partitions: FetchAnswer[]): void }
type FetchAnswer = Response<typeof Fetch>['responses'][number]['partitions'][number]

type BrokerWorld = World & {
  replicas: Replicas
  clock: ReturnType<typeof fakeClock>
  log: Log
  /** AlterPartition is out and has no answer. */
  proposal: Proposal | undefined
  parked: Parked[]
  /** Somebody waits for a record to be committed that never will be. */
  waits: boolean
  context(): ReplicaContext
  /** What the image has, told to the broker or not. */
  change(what: { isr?: number[]; leader?: number }, isTold?: boolean): void
  /** Everything is told again, as from a snapshot. */
  tellAll(): void
  followerFetches(id: number): void
  produce(): void
  await(): void
  failDirectory(): void
}

const directory: LogDirectory = { id: uuid('directory'), path: '/data', online: true }

/** Epochs and ends are what counts; there are no bytes. */
function paperLog(say: (line: string) => void, whenCut: () => void): Log {
  let end = 0
  let epochs: { epoch: number; startOffset: number }[] = []
  const endOf = (at: number) => epochs[at + 1]?.startOffset ?? end
  const log = {
    ...of,
    topicId,
    directoryId: directory.id,
    startOffset: () => 0,
    endOffset: () => end,
    isSuspect: () => false,
    config: () => ({ flushMessages: 0 }),
    reconfigure() {},
    appendAsLeader: () => {
      const baseOffset = end++
      return { baseOffset, lastOffset: baseOffset, logAppendTimeMs: -1, duplicate: false }
    },
    read: () => Buffer.alloc(0),
    latestEpoch: () => epochs.at(-1)?.epoch,
    endOffsetFor(epoch: number) {
      const at = epochs.findLastIndex((each) => each.epoch <= epoch)
      return at < 0 ? undefined : { epoch: epochs[at]!.epoch, endOffset: endOf(at) }
    },
    assignEpoch(epoch: number, startOffset: number) {
      say(`epoch ${epoch}`)
      epochs.push({ epoch, startOffset })
    },
    truncateTo(offset: number) {
      say(`cut to ${offset}`)
      whenCut()
      end = Math.min(end, offset)
      epochs = epochs.filter(({ startOffset }) => startOffset < end)
    },
    flushIfDue() {},
    applyRetention: () => ({ deletedSegments: 0, startOffset: 0 }),
    cleanable: () => undefined,
    bytesBetween: () => 0,
  }
  return log as unknown as Log
}

async function world({ leader, isr, fails }: Start): Promise<BrokerWorld> {
  const clock = fakeClock()
  const lines: string[] = []
  const say = (line: string) => void lines.push(line)
  const image = createImage()
  let offset = -1
  let halted: unknown
  let tellFailure: (of: LogDirectory) => void = () => {}

  const log = paperLog(say, () => {
    if (fails !== 'cut') return
    on.failDirectory()
    throw new StorageError(directory.path, 'EIO')
  })
  const store = {
    directories: () => [directory],
    logs: () => [],
    get: () => undefined,
    create() {
      if (fails === 'made') throw new StorageError(directory.path, 'EIO')
      return log
    },
    checkpointedHighWatermark: () => 0,
    settleCopies() {},
    onDirectoryFailure(listener: typeof tellFailure) {
      tellFailure = listener
    },
    checkpointHighWatermarks: async () => {},
    checkpointRecoveryPoints: async () => {},
    checkpointLogStarts: async () => {},
  } as unknown as LogStore

  /** A leader that begins a session at once, and then has nothing new. */
  const link = {
    request(to: number, api: string, message: Buffer[]) {
      assert.is(api, 'Fetch')
      const whole = Buffer.concat(message)
      const request = decoder(Fetch.request, fetchVersion)(whole, 2) as Request<typeof Fetch>
      const named = request.topics.flatMap(({ partitions }) => partitions)
      for (const { currentLeaderEpoch } of named) say(`fetch from ${to} in ${currentLeaderEpoch}`)
      const encode = (partitions: FetchAnswer[]): Buffer[] =>
        encoder(
          Fetch.response,
          fetchVersion,
        )({
          throttleTimeMs: 0,
          errorCode: errorCodes.NONE,
          sessionId: 1,
          responses: partitions.length === 0 ? [] : [{ topic: '', topicId, partitions }],
          nodeEndpoints: [],
        })
      for (const each of on.parked.filter((one) => one.to === to)) each.answer([])
      if (request.maxWaitMs === 0) return Promise.resolve(encode([]))
      return new Promise<Buffer[]>((resolve) => {
        const timer = clock.setTimeout(() => parked.answer([]), request.maxWaitMs)
        const parked: Parked = {
          to,
          answer(partitions) {
            clock.clearTimeout(timer)
            on.parked = on.parked.filter((one) => one !== parked)
            resolve(encode(partitions))
          },
        }
        on.parked.push(parked)
      })
    },
  } as unknown as Link

  const replicas = createReplicas({
    nodeId,
    clock,
    random: countingRandom(),
    config: layeredConfig(new Map()),
    link,
    store,
    log: {
      ...silent,
      info: (fields: { isr?: number[] }, message: string) => {
        if (message === 'ISR committed') say(`${message} ${fields.isr}`)
      },
    } as never,
    image: () => image,
    brokerEpoch: () => epochOf(nodeId),
    controller: {
      call: (_: unknown, __: number, request: AlterRequest) =>
        new Promise((resolve, reject) => {
          const [asked] = request.topics[0]!.partitions
          const { leaderEpoch, partitionEpoch, newIsrWithEpochs } = asked!
          const isr = newIsrWithEpochs.map(({ brokerId }) => brokerId)
          say(proposalLine({ leaderEpoch, partitionEpoch, proposedIsr: isr }))
          const lose = () => reject(new Error('no answer'))
          on.proposal = { leaderEpoch, partitionEpoch, isr, answer: resolve, lose }
        }),
    } as never,
    halt(why) {
      halted = why
    },
    directoryFailed() {},
  })

  const tell = (records: MetadataRecord[], isTold = true) => {
    const changes = collectChanges()
    for (const record of records) image.apply(record, changes)
    image.advance(++offset, 1, clock.now())
    if (isTold) replicas.onMetadata(image, changes.delta(false), () => {})
  }
  const on: BrokerWorld = {
    replicas,
    clock,
    log,
    proposal: undefined,
    parked: [],
    waits: false,
    context: () => replicas.findByName(of)!.context,
    change: (what, isTold) => tell([change(topicId, of.partition, what)], isTold),
    tellAll: () => replicas.onMetadata(image, collectChanges().delta(true), () => {}),
    followerFetches(id) {
      const { leaderEpoch: currentLeaderEpoch } = on.context()
      void replicas.fetch({
        sessionId: 0,
        sessionEpoch: -1,
        replicaId: id,
        replicaEpoch: epochOf(id),
        usesTopicIds: true,
        wishes: [
          {
            ...of,
            topicId,
            fetchOffset: log.endOffset(),
            currentLeaderEpoch,
            lastFetchedEpoch: -1,
            logStartOffset: 0,
            partitionMaxBytes: 1_000,
          },
        ],
        forgotten: [],
        maxWaitMs: 0,
        minBytes: 1,
        maxBytes: 1_000,
        leaderOnly: true,
      })
    },
    produce: () =>
      void replicas.append(of, batchOf(['a']), {
        requiredAcks: 1,
        timeoutMs: 1_000,
        origin: 'client',
      }),
    await() {
      if (on.waits || replicas.findByName(of)!.role !== 'leader') return
      on.waits = true
      replicas.whenCommitted(of, 1_000_000, (isCommitted) => {
        on.waits = false
        say(`told whether committed: ${isCommitted}`)
      })
    },
    failDirectory: () => tellFailure(directory),
    take: () => lines.splice(0),
    settle: () => clock.advance(0),
    tick: () => clock.step(),
    halted: () => halted,
    close: () => replicas.abandon(),
  }
  replicas.start()
  tell([
    ...replicaIds.map((id) =>
      brokerRecord({
        id,
        epoch: epochOf(id),
        incarnationId: uuid(`broker${id}`),
        endpoints: [],
        features: [],
        rack: null,
        fenced: false,
        inControlledShutdown: false,
        logDirs: [directory.id],
        isMigratingZkBroker: false,
      }),
    ),
    { type: 'TopicRecord', name: of.topic, topicId },
    {
      type: 'PartitionRecord',
      partitionId: of.partition,
      topicId,
      replicas: replicaIds,
      isr,
      removingReplicas: [],
      addingReplicas: [],
      leader,
      leaderRecoveryState: 0,
      leaderEpoch: 0,
      partitionEpoch: 0,
      directories: replicaIds.map(() => directory.id),
      eligibleLeaderReplicas: null,
      lastKnownElr: null,
    },
  ])
  await clock.advance(0)
  on.await()
  return on
}

const proposalLine = ({
  leaderEpoch,
  partitionEpoch,
  proposedIsr,
}: Pick<ReplicaContext, 'leaderEpoch' | 'partitionEpoch' | 'proposedIsr'>): string =>
  `propose ${proposedIsr} in ${leaderEpoch}/${partitionEpoch}`

const contextOf = ({ context }: AnyMachineSnapshot): ReplicaContext => context
const isPending = (snapshot: AnyMachineSnapshot): boolean =>
  ['pendingExpandIsr', 'pendingShrinkIsr'].some((state) => snapshot.value.leader?.[state])

/**
 * What the image tells is new by this; epochs of a plan are not those of a walk. `isLate`: an answer to
 * a proposal that other news have settled.
 */
type Planned = ReplicaEvent & { by?: 'leaderEpoch' | 'partitionEpoch'; isLate?: boolean }

const errors: Readonly<Record<string, ErrorName>> = {
  committed: 'NONE',
  refused: 'INELIGIBLE_REPLICA',
  superseded: 'INVALID_UPDATE_VERSION',
}

function answerTo(on: BrokerWorld, outcome: string): void {
  const { proposal } = on
  if (proposal === undefined) return
  on.proposal = undefined
  if (outcome === 'unknown') {
    proposal.lose()
    return
  }
  if (outcome === 'committed') on.change({ isr: proposal.isr }, false)
  const { leaderEpoch, isr } = proposal
  const partitionEpoch = proposal.partitionEpoch + (outcome === 'committed' ? 1 : 0)
  const errorCode = errorCodes[errors[outcome]!]
  const told = { leaderId: nodeId, leaderEpoch, isr, leaderRecoveryState: 0, partitionEpoch }
  const partitions = [{ partitionIndex: of.partition, errorCode, ...told }]
  const topics = [{ topicId, partitions }]
  proposal.answer({ throttleTimeMs: 0, errorCode: errorCodes.NONE, topics })
}

/** A proposal whose answer comes when the image has told of something newer. */
async function answerLate(on: BrokerWorld, before: AnyMachineSnapshot): Promise<void> {
  const { isr, leader, leaderEpoch, partitionEpoch } = contextOf(before)
  const isStale = () =>
    on.proposal?.leaderEpoch !== leaderEpoch || on.proposal.partitionEpoch !== partitionEpoch
  if (on.proposal === undefined && !before.hasTag('offline')) {
    if (leader !== nodeId) on.change({ leader: nodeId, isr: [1, 2] })
    on.followerFetches(3)
    await on.clock.advance(0)
    if (leader !== nodeId) on.change({ leader, isr: [1, 2] })
  }
  if (leader === nodeId && !before.hasTag('offline') && !isStale()) on.change({ isr })
  await on.clock.advance(0)
  answerTo(on, 'refused')
}

const adapterOf = (start: Start): Adapter<BrokerWorld> => ({
  name: start.name,
  machine: replica,
  input: {
    topicId,
    partition: of.partition,
    leader: -1,
    leaderEpoch: -1,
    partitionEpoch: -1,
    isr: [],
    proposedIsr: [],
  },
  open: () => world(start),
  differs: ({ isr, proposedIsr }: ReplicaContext) => [isr.length, proposedIsr.length],
  isFarEnough: (snapshot) => contextOf(snapshot).partitionEpoch > 6,
  events(snapshot) {
    const { leader, leaderEpoch, partitionEpoch, isr, proposedIsr } = contextOf(snapshot)
    const known = { leaderEpoch, partitionEpoch, isr }
    const elected = {
      by: 'leaderEpoch' as const,
      leaderEpoch: leaderEpoch + 1,
      partitionEpoch: partitionEpoch + 1,
    }
    const told = (more: object): Planned[] => {
      const type = leader === nodeId ? 'lead' : 'follow'
      return leaderEpoch < 0 ? [] : [{ type, leader, ...known, ...more } as Planned]
    }
    const part: Planned[] = [
      { type: 'follow', ...elected, leader: 2, isr: start.isr },
      { type: 'follow', ...elected, leader: -1, isr: start.isr },
      { type: 'lead', ...elected, leader: nodeId, isr: start.isr },
      { type: 'goOffline' },
    ]
    if (snapshot.value === 'assigned') return part
    // It follows at once, whatever comes.
    if (snapshot.value.follower === 'truncating') return [{ type: 'truncated' }]
    const askedIn = { leaderEpoch, partitionEpoch }
    const answer = { type: 'AlterPartition' as const, askedIn, isr: proposedIsr, partitionEpoch }
    const late = { ...answer, askedIn: { leaderEpoch: -1, partitionEpoch: -1 }, isLate: true }
    const { leader: leading, follower: following } = snapshot.value
    const isFollowing = following === 'fetching'
    const isAsking = [leading?.pendingExpandIsr, leading?.pendingShrinkIsr].includes('asking')
    const isCommitted = leading?.committed !== undefined
    const isSettled = leading?.committed === 'settled'
    const others = replicaIds.filter((id) => id !== nodeId)
    const joiners = others.filter((id) => !isr.includes(id))
    const members = others.filter((id) => isr.includes(id))
    const of = (when: boolean, ...events: Planned[]): Planned[] => (when ? events : [])
    return [
      ...of(isAsking || isSettled || isFollowing, { ...late, outcome: 'refused' }),
      ...of(snapshot.value === 'offline' && isr.length !== proposedIsr.length, {
        ...late,
        outcome: 'refused',
      }),
      ...of(
        isAsking,
        { ...answer, outcome: 'refused' },
        { ...answer, outcome: 'superseded' },
        { ...answer, outcome: 'unknown' },
        { ...answer, outcome: 'committed', partitionEpoch: partitionEpoch + 1 },
      ),
      ...of(isCommitted && joiners.length > 0, { type: 'caughtUp', replicas: joiners.slice(-1) }),
      ...of(isSettled && members.length > 0, { type: 'fellBehind', replicas: members.slice(-1) }),
      ...of(isFollowing, { type: 'diverged', epoch: 0, endOffset: 0 }),
      ...told({}),
      ...told({ by: 'partitionEpoch', partitionEpoch: partitionEpoch + 1 }),
      ...(snapshot.value === 'offline' ? part.slice(0, -1) : part),
    ]
  },
  isSame(planned: Planned, heard, before) {
    if (planned.type !== heard.type) return false
    if (planned.type === 'AlterPartition') {
      const { outcome } = heard as ReplicaEvent & { type: 'AlterPartition' }
      return planned.isLate || outcome === planned.outcome
    }
    if (planned.type !== 'lead' && planned.type !== 'follow') return true
    const told = heard as typeof planned
    const was = contextOf(before)
    return (
      told.leader === planned.leader &&
      told.leaderEpoch > was.leaderEpoch === (planned.by === 'leaderEpoch') &&
      told.partitionEpoch > was.partitionEpoch === (planned.by !== undefined)
    )
  },
  async cause(on, event: Planned, before) {
    const was = contextOf(before)
    switch (event.type) {
      case 'lead':
      case 'follow': {
        const { leader, isr } = event
        if (event.by === 'leaderEpoch') return on.change({ leader, isr })
        if (event.by === 'partitionEpoch') return on.change({ isr: was.isr })
        return on.tellAll()
      }
      case 'goOffline':
        return on.failDirectory()
      case 'caughtUp':
        return on.followerFetches(event.replicas[0]!)
      case 'fellBehind': {
        on.produce()
        const staying = was.isr.filter((id) => id !== nodeId && !event.replicas.includes(id))
        for (let waits = 0; waits < 15 && on.context().proposedIsr === was.isr; waits++) {
          for (const id of staying) on.followerFetches(id)
          await on.clock.advance(4_000)
        }
        return
      }
      case 'diverged': {
        const epoch = on.log.latestEpoch() ?? 0
        const endOffset = Math.max(0, on.log.endOffset() - 1)
        const fetch = on.parked.find(({ to }) => to === was.leader)
        return fetch?.answer([divergedAt({ epoch, endOffset })])
      }
      case 'AlterPartition':
        return event.isLate ? answerLate(on, before) : answerTo(on, event.outcome)
    }
  },
  effect(on, { type, params, context }): Seen {
    const now = context as ReplicaContext
    const end = on.log.endOffset()
    const to = params as { endOffset: number } | undefined
    switch (type) {
      case 'beginLeading':
        return { now: [`epoch ${now.leaderEpoch}`] }
      case 'endLeading':
        return { now: on.waits ? ['told whether committed: false'] : [] }
      case 'truncate': {
        const isCut = to !== undefined || on.log.latestEpoch() === undefined
        return { now: isCut ? [`cut to ${Math.min(end, to?.endOffset ?? 0)}`] : [] }
      }
      case 'startFetching':
        return { later: { fetch: `fetch from ${now.leader} in ${now.leaderEpoch}` } }
      case 'stopFetching':
        return { later: { fetch: null } }
      case 'proposeIsr':
        // One request at a time: a newer proposal waits for the answer to an older one.
        return on.proposal === undefined ? { later: { propose: proposalLine(now) } } : {}
      case 'isrCommitted':
        return { now: [`ISR committed ${now.isr}`] }
      default:
        return {}
    }
  },
  goesOn(line, snapshot) {
    const { leader, leaderEpoch } = contextOf(snapshot)
    if (snapshot.value.follower === 'fetching') {
      return line === `fetch from ${leader} in ${leaderEpoch}`
    }
    return isPending(snapshot) && line === proposalLine(contextOf(snapshot))
  },
  holds(on, snapshot) {
    const view = on.replicas.get(of)!
    const { leader, leaderEpoch } = contextOf(snapshot)
    assert.is(view.isLeader(), snapshot.hasTag('leader'), 'it leads where the chart does')
    assert.is(view.leaderId(), leader)
    assert.is(view.leaderEpoch(), leaderEpoch)
    if (snapshot.hasTag('offline')) assert.is(view.logEndOffset(), -1, 'nothing is read or written')
    const hasTimer = snapshot._nodes.some(({ after }) => after.length > 0)
    const isAwake = on.replicas.findByName(of)!.actor !== undefined
    assert.is(isAwake, hasTimer, 'it is put away where no timer runs, and only there')
    on.await()
  },
})

const divergedAt = (divergingEpoch: FetchAnswer['divergingEpoch']): FetchAnswer => ({
  partitionIndex: of.partition,
  errorCode: errorCodes.NONE,
  highWatermark: 0,
  lastStableOffset: 0,
  logStartOffset: 0,
  divergingEpoch,
  currentLeader: { leaderId: -1, leaderEpoch: -1 },
  snapshotId: { endOffset: -1, epoch: -1 },
  abortedTransactions: [],
  preferredReadReplica: -1,
  records: Buffer.alloc(0),
})

const starts: Start[] = [
  { name: 'a leader of two in sync', leader: nodeId, isr: [1, 2] },
  { name: 'a leader of three in sync', leader: nodeId, isr: replicaIds },
  { name: 'a follower', leader: 2, isr: [1, 2] },
  { name: 'a replica without a leader', leader: -1, isr: [1, 2] },
  { name: 'a replica that finds no directory', leader: 2, isr: [2, 3], fails: 'made' },
  { name: 'a follower whose disk fails', leader: 2, isr: [1, 2], fails: 'cut' },
]

listenToGuards(replica)

test('every path through the replica chart is what a broker does', async () => {
  const coverage = coverageOf('replica', replica)
  for (const start of starts) await walk(replica, adapterOf(start), coverage)
  coverage.report()
})

test.run()
