/**
 * Hosts the quorum chart of one node: binds its effects to log, votes, link and clock, and tells
 * listeners what is committed and who leads.
 *
 * Source: KIP-595, 630, 853, 996. Effects run in the order the chart lists them; what is persisted
 * is durable when the effect returns. An error in the chart, the disk or a listener ends the node.
 */
import { createActor, type InspectionEvent } from 'xstate'
import type { QuorumContext, QuorumEvent, QuorumTiming } from '../../machines/quorum/types.ts'
import { includes, keyOf, unknownDirectory } from '../../machines/quorum/votes.ts'
import { quorum as chart } from '../../machines/quorum.ts'
import type { Link } from '../../transport/links/link.ts'
import { invariant } from '../invariant.ts'
import type { Logger } from '../log.ts'
import type { Clock } from '../ports/clock.ts'
import type { Log } from '../ports/log.ts'
import type { QuorumState, QuorumStore } from '../ports/quorum-store.ts'
import type { Random } from '../ports/random.ts'
import type { Prober } from '../probe/probe.ts'
import { createCommitWaiters } from './commit-waiters.ts'
import { createDelivery } from './delivery.ts'
import { createElections } from './elections.ts'
import { createFetcher } from './fetcher.ts'
import { watchLeader } from './leader-watch.ts'
import { type Leadership, startLeadership } from './leadership.ts'
import { createMetadataLog } from './metadata-log.ts'
import {
  endpointsOf,
  type QuorumConfig,
  type Replica,
  type Role,
  saidLeader,
  voters,
} from './replica.ts'
import type { QuorumRpc } from './rpc.ts'
import { serveQuorum } from './serve.ts'
import { NotLeaderError, type Quorum, type QuorumEndpoint, type ReplicaKey } from './types.ts'
import { createVoterSets, type StaticVoter } from './voter-sets.ts'
import { writeSnapshot } from './write-snapshot.ts'

export type QuorumOptions = {
  clusterId: string
  self: ReplicaKey
  /** Where our controller listeners are: what voters and DescribeQuorum show. */
  endpoints: QuorumEndpoint[]
  /** `controller.quorum.voters` (kraft.version 0); read only where log and snapshots name none. */
  staticVoters?: StaticVoter[]
  /** Node ids that may know the leader: for those that know no voters yet. */
  bootstrapIds?: () => readonly number[]
  store: QuorumStore
  /** Of `__cluster_metadata-0`. */
  log: Log
  link: Link
  clock: Clock
  random: Random
  logger: Logger
  /** Called once: this replica is of no use any more. */
  halt: (why: unknown) => void
  config: QuorumConfig
  /** Brings forward what a fetch timeout does, when the leader's process is no more; absent: off. */
  prober?: Prober
  inspect?: (event: InspectionEvent) => void
}

export type HostedQuorum = Quorum & {
  readonly rpc: QuorumRpc
  role(): { state: Role; context: QuorumContext }
  /** As kill -9: everything stops, nothing is said. */
  abandon(): void
}

const leaveTakingMs = 1000
const preVoteRetryMs = 10

const suspectWords =
  'metadata log damaged: no vote until it was fetched from a leader ' +
  '(to accept the loss instead, remove recovery-point-offset-checkpoint from its folder)'

export function hostQuorum(options: QuorumOptions): HostedQuorum {
  const { clusterId, self, store, link, clock, random, logger, config } = options
  let state: 'new' | 'running' | 'stopped' = 'new'
  let highWatermark = -1
  let leadership: Leadership | undefined
  let successors: ReplicaKey[] = []
  let granted: boolean | undefined
  let persisted: QuorumState | undefined
  let snapshotMs = clock.monotonic()
  let seen = ''

  const running = () => state === 'running'

  function halt(why: unknown): void {
    if (state === 'stopped') return
    logger.error({ err: why }, 'the quorum replica cannot go on')
    abandon()
    options.halt(why)
  }

  const sleep = (ms: number) => new Promise<void>((done) => void clock.setTimeout(done, ms))
  const voterSets = createVoterSets(options.staticVoters ?? [])
  const log = createMetadataLog({
    log: options.log,
    store,
    voterSets,
    votersChanged: () => {
      if (running()) send({ type: 'votersChanged', voters: keysInForce() })
    },
    turn: () => sleep(0),
  })
  const keysInForce = (): ReplicaKey[] =>
    voterSets.inForce().voters.map(({ id, directoryId }) => ({ id, directoryId }))
  const waiters = createCommitWaiters()

  const replica: Replica = {
    clusterId,
    self,
    endpoints: options.endpoints,
    link,
    clock,
    config,
    logger,
    log,
    snapshots: store,
    voterSets,
    bootstrapIds: options.bootstrapIds ?? (() => []),
    role,
    send,
    highWatermark: () => highWatermark,
    raiseHighWatermark,
    running,
    spawn(work) {
      work().catch((why: unknown) => {
        if (running()) halt(why)
      })
    },
    sleep,
    halt,
  }

  function raiseHighWatermark(to: number): void {
    if (to <= highWatermark || !running()) return
    invariant(to <= log.endOffset(), 'R8: what is committed is in the log', { to })
    highWatermark = to
    delivery.deliver()
    waiters.resolve(to)
  }

  const delivery = createDelivery({
    log,
    running,
    highWatermark: () => highWatermark,
    leader: () => {
      const { leaderId, epoch } = saidLeader(replica)
      return { leaderId, epoch, startOffset: leadership?.epochStartOffset }
    },
    later: (next) => void clock.setTimeout(next, 0),
    halt,
  })
  const elections = createElections(replica)
  const fetcher = createFetcher(replica, ({ nodeId, incarnationId }, epoch) =>
    watch?.note(nodeId, epoch, incarnationId),
  )

  const provided = chart.provide({
    actions: {
      persistState: ({ context }) => persist(context),
      answerVote: (_, answer) => {
        granted = answer.granted
      },
      sendPreVotes: ({ context }) => elections.sendPreVotes(context),
      sendVoteRequests: ({ context }) => elections.sendVoteRequests(context),
      findLeader: () => fetcher.find(),
      fetchFromLeader: ({ context }) => fetcher.follow(context.leaderId, context.epoch),
      stopFetching: () => fetcher.stop(),
      startEpoch: ({ context }) => {
        const { epoch, answers } = context
        const granting = context.voters.filter((voter) => answers[keyOf(voter)] === true)
        leadership = startLeadership(replica, epoch, granting)
      },
      beginEpoch: ({ context }) =>
        elections.beginEpoch(context, (of) => leadership?.progress.lastFetchMs(of)),
      claimLeadership: ({ context }) =>
        logger.info({ epoch: context.epoch }, 'leads the metadata quorum'),
      stopLeading: () => {
        successors = leadership?.progress.successors(voters(replica)) ?? []
        leadership?.end()
        leadership = undefined
        waiters.reject(new NotLeaderError('this replica leads the metadata quorum no more'))
      },
      endEpoch: ({ context }) => {
        elections.endEpoch(context, successors)
        successors = []
      },
      unexpected: ({ context, event }) =>
        invariant(false, 'R4: at most one leader an epoch', { ...event, epoch: context.epoch }),
    },
  })
  let actor: ReturnType<typeof createActor<typeof provided>> | undefined
  let initial: QuorumContext | undefined

  function role(): { state: Role; context: QuorumContext } {
    invariant(initial !== undefined, 'the quorum replica has started')
    if (actor === undefined) return { state: 'unattached', context: initial }
    const { value, context } = actor.getSnapshot()
    return { state: (typeof value === 'string' ? value : Object.keys(value)[0]) as Role, context }
  }

  function send(event: QuorumEvent): void {
    if (running()) actor?.send(event)
  }

  /** Durable when it returns (R2, R3, R4). */
  function persist({ epoch, leaderId, voted }: QuorumContext): void {
    const next: QuorumState = {
      leaderId,
      leaderEpoch: epoch,
      votedId: voted?.id ?? -1,
      votedDirectoryId: voted?.directoryId ?? null,
    }
    const before = persisted
    if (before !== undefined) {
      invariant(epoch >= before.leaderEpoch, 'R3: the epoch never decreases', { before, next })
      if (epoch === before.leaderEpoch) {
        const sameVote = before.votedId === -1 || before.votedId === next.votedId
        const sameLeader = before.leaderId === -1 || before.leaderId === leaderId
        invariant(sameVote, 'R2: one vote an epoch', { before, next })
        invariant(sameLeader, 'R4: one leader an epoch', { before, next })
        if (before.votedId === next.votedId && before.leaderId === leaderId) return
      }
    }
    store.writeState(next)
    persisted = next
  }

  const watch = options.prober && watchLeader(replica, options.prober)

  const rpc: QuorumRpc = {
    replica,
    leadership: () => leadership,
    vote(event) {
      granted = undefined
      send(event)
      if (!running()) return false
      invariant(granted !== undefined, 'X1: every vote is answered', { ...event })
      return granted
    },
    noteLeader: (leaderId, epoch, incarnationId) => watch?.note(leaderId, epoch, incarnationId),
  }

  /** A change of role is logged, and told, once. */
  function roleMoved(): void {
    const { state: to, context } = role()
    const now = `${to} ${context.epoch} ${context.leaderId}`
    if (now === seen) return
    const [from] = seen.split(' ')
    const { epoch, leaderId } = context
    seen = now
    logger.info({ from, to, epoch, leaderId }, 'quorum role')
    delivery.deliver()
  }

  function restored(): { epoch: number; leaderId: number; voted: ReplicaKey | null } {
    const found = store.readState()
    const lastEpoch = log.lastEpoch()
    persisted = found
    // The log may know a newer epoch than a lost or older quorum-state: without leader and vote.
    if (found === undefined || found.leaderEpoch < lastEpoch) {
      return { epoch: lastEpoch, leaderId: -1, voted: null }
    }
    const { leaderEpoch: epoch, leaderId, votedId: id, votedDirectoryId: directoryId } = found
    const voted = id === -1 ? null : { id, directoryId: directoryId ?? unknownDirectory }
    return { epoch, leaderId, voted }
  }

  /** Nobody is disturbed by pre-votes, so a start need not wait: one after the other asks. */
  function firstTimeoutMs(keys: ReplicaKey[]): number {
    const place = keys.filter(({ id }) => id < self.id).length
    return place === 0 ? 0 : place * 100 + random.below(50)
  }

  async function start(): Promise<void> {
    invariant(state === 'new', 'a quorum replica starts once')
    await log.open()
    if (state !== 'new') return
    const snapshot = log.latestSnapshot()
    if (snapshot !== undefined && snapshot.offset > 0) highWatermark = snapshot.offset
    const keys = keysInForce()
    const { electionTimeoutMs, fetchTimeoutMs, electionBackoffMaxMs } = config
    const timing: QuorumTiming = {
      electionTimeoutMs,
      fetchTimeoutMs,
      electionBackoffMaxMs,
      preVoteRetryMs: Math.min(preVoteRetryMs, electionTimeoutMs),
    }
    const seed = random.below(0x7fff_ffff)
    const isSuspect = log.isSuspect()
    if (isSuspect) logger.error({ ...self }, suspectWords)
    const input = { self, voters: keys, ...restored(), timing, isSuspect, seed }
    initial = { ...input, nextTimeoutMs: null, waitMs: 0, answers: {}, retries: 0, fetched: false }
    persist(initial)
    state = 'running'
    actor = createActor(provided, {
      id: `quorum-${self.id}`,
      input: { ...input, firstTimeoutMs: firstTimeoutMs(keys) },
      clock,
      ...(options.inspect && { inspect: options.inspect }),
    })
    actor.subscribe({ next: roleMoved, error: halt })
    const isVoter = includes(keys, self)
    logger.info({ ...self, epoch: input.epoch, isVoter }, 'quorum replica starts')
    actor.start()
    watch?.start()
    roleMoved()
    delivery.deliver()
  }

  function abandon(): void {
    if (state === 'stopped') return
    state = 'stopped'
    watch?.stop()
    fetcher.stop()
    delivery.stop()
    leadership?.end()
    leadership = undefined
    waiters.reject(new NotLeaderError('this replica of the metadata quorum has stopped'))
    actor?.stop()
  }

  async function stop(): Promise<void> {
    if (running() && leadership !== undefined) {
      send({ type: 'resign', epoch: leadership.epoch })
      await Promise.race([elections.epochEnded(), sleep(leaveTakingMs)])
    }
    abandon()
  }

  const hosted: HostedQuorum = {
    clusterId,
    self,
    rpc,
    role,
    start,
    stop,
    abandon,
    listen: delivery.listen,
    leaderAndEpoch: () =>
      initial === undefined ? { leaderId: -1, epoch: 0 } : saidLeader(replica),
    highWatermark: () => highWatermark,
    endOffset: () => log.endOffset(),
    voters: () => voters(replica),
    leaderEndpoint() {
      const { leaderId } = hosted.leaderAndEpoch()
      return endpointsOf(replica, leaderId)[0] ?? null
    },
    append(epoch, records) {
      if (leadership?.epoch !== epoch) {
        throw new NotLeaderError(`epoch ${epoch} is not led by this replica`)
      }
      return leadership.append(records)
    },
    committed(offset) {
      if (offset < highWatermark) return Promise.resolve()
      if (leadership === undefined) {
        return Promise.reject(new NotLeaderError(`offset ${offset} is not ours to wait for`))
      }
      return waiters.wait(offset)
    },
    resign: (epoch) => send({ type: 'resign', epoch }),
    async writeSnapshot(lastOffset, lastEpoch, lastTimestampMs, slices) {
      const id = { offset: lastOffset + 1, epoch: lastEpoch }
      const size = await writeSnapshot(replica, id, lastTimestampMs, slices)
      if (size !== undefined) snapshotMs = clock.monotonic()
      return size
    },
    sinceSnapshot() {
      const from = Math.max(log.latestSnapshot()?.offset ?? 0, log.startOffset())
      if (highWatermark <= from) return { bytes: 0, ms: 0 }
      const ms = clock.monotonic() - snapshotMs
      return { bytes: log.bytesBetween(from, highWatermark), ms }
    },
  }
  serveQuorum(hosted)
  return hosted
}
