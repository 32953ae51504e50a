/**
 * One real quorum replica whose peers are the test: requests that it sends are held until a step
 * answers them, requests to it are told in Kafka's bytes, and log and votes lie on a disk in memory.
 */
import type { Logger } from '../../actors/log.ts'
import { encodeControlBatch, votersRecord } from '../../actors/quorum/control-records.ts'
import { encodeDataBatch } from '../../actors/quorum/data-records.ts'
import { fetchResponse, fetchVersion, MetadataFetch } from '../../actors/quorum/fetch-wire.ts'
import { type HostedQuorum, hostQuorum } from '../../actors/quorum/host.ts'
import { topicName } from '../../actors/quorum/replica.ts'
import { writeBootstrapSnapshot } from '../../actors/quorum/snapshot-file.ts'
import type { ReplicaKey } from '../../actors/quorum/types.ts'
import type { QuorumContext, QuorumEvent } from '../../machines/quorum/types.ts'
import {
  type Endpoint,
  type Link,
  LinkError,
  type LinkHandler,
  nothingDropped,
} from '../../transport/links/link.ts'
import type { Api, Request, Response } from '../../transport/protocol/api.ts'
import { decoder, encoder } from '../../transport/protocol/codec.ts'
import { type ErrorName, errorCodes } from '../../transport/protocol/errors.ts'
import { Vote } from '../../transport/schemas/52-vote.ts'
import { BeginQuorumEpoch } from '../../transport/schemas/53-begin-quorum-epoch.ts'
import { EndQuorumEpoch } from '../../transport/schemas/54-end-quorum-epoch.ts'
import { type FakeClock, fakeClock } from '../quorum/support/fake-clock.ts'
import { fakeDisk } from '../quorum/support/fake-disk.ts'
import { config, directoryOf, record, silent, voterOf } from '../quorum/support/quorum-world.ts'
import type { World } from './walk.ts'

export const clusterId = 'xtzWWN4bTjitpL3kfd9s5g'
export const keyOf = (id: number): ReplicaKey => ({ id, directoryId: directoryOf(id) })
/** Of the log that the replica starts with, one record of this epoch. */
export const logEpoch = 3

export type Start = {
  id: number
  voters: number[]
  epoch: number
  leaderId?: number
  votedId?: number
  /** A crash took what was synced once. */
  isDamaged?: boolean
}

/** A request of the replica that nobody has answered yet. */
export type Held = {
  to: number
  what: 'PreVote' | 'Vote' | 'Begin' | 'End' | 'find' | 'fetch'
  epoch: number
  answer(response: Buffer[]): void
}

export type QuorumWorld = World & {
  quorum: HostedQuorum
  clock: FakeClock
  held: Held[]
  /** What quorum-state says. */
  state(): { leaderEpoch: number; leaderId: number; votedId: number }
  endOffset(): number
  /** Voters that have confirmed the epoch. */
  begun: Set<string>
  lastFetchMs: Map<number, number>
  ask<A extends Api>(
    from: number,
    api: A,
    version: number,
    request: Request<A>,
  ): Promise<Response<A>>
  note(line: string): void
}

const apis = {
  Vote: { schema: Vote, version: 2 },
  BeginQuorumEpoch: { schema: BeginQuorumEpoch, version: 1 },
  EndQuorumEpoch: { schema: EndQuorumEpoch, version: 1 },
  'Fetch.metadata': { schema: MetadataFetch, version: fetchVersion },
}

function read(api: string, message: Buffer): Pick<Held, 'what' | 'epoch'> {
  const schema = apis[api as keyof typeof apis].schema.request
  const decode = decoder(schema, message.readInt16BE(0))
  const request = decode(message, 2)
  const [topic] = (request as { topics: { partitions: object[] }[] }).topics
  const partition = topic!.partitions[0] as Record<string, number> & { preVote?: boolean }
  switch (api) {
    case 'Vote':
      return { what: partition.preVote ? 'PreVote' : 'Vote', epoch: partition['replicaEpoch']! }
    case 'BeginQuorumEpoch':
      return { what: 'Begin', epoch: partition['leaderEpoch']! }
    case 'EndQuorumEpoch':
      return { what: 'End', epoch: partition['leaderEpoch']! }
    default: {
      const isLooking = (request as { maxWaitMs: number }).maxWaitMs === 0
      return { what: isLooking ? 'find' : 'fetch', epoch: partition['currentLeaderEpoch']! }
    }
  }
}

export async function quorumWorld(start: Start): Promise<QuorumWorld> {
  const clock = fakeClock()
  const self: Endpoint = { nodeId: start.id, incarnationId: `incarnation-${start.id}` }
  const lines: string[] = []
  const held: Held[] = []
  const handlers = new Map<string, LinkHandler>()
  let halted: unknown

  const disk = fakeDisk(clock, directoryOf(start.id))
  disk.syncMs = 0
  const writer = disk.store.createSnapshot({ offset: 0, epoch: 0 })
  writeBootstrapSnapshot(writer, { voters: start.voters.map(voterOf), nowMs: clock.now() })
  disk.log.appendAsFollower(
    encodeDataBatch({
      baseOffset: 0,
      leaderEpoch: logEpoch,
      timestampMs: 0,
      records: [record('a')],
    }),
    logEpoch,
  )
  const { leaderId = -1, votedId = -1, epoch } = start
  const votedDirectoryId = votedId < 0 ? null : directoryOf(votedId)
  disk.store.writeState({ leaderId, leaderEpoch: epoch, votedId, votedDirectoryId })
  disk.onVote = (next) => lines.push(`persist ${next.leaderEpoch} ${next.leaderId} ${next.votedId}`)

  const link: Link = {
    clusterId,
    self,
    dropped: nothingDropped(),
    connect: async () => {},
    serve: (api, handler) => void handlers.set(api, handler),
    request(to, api, chunks, { timeoutMs, answeredBy }) {
      const asked = read(api, Buffer.concat(chunks))
      lines.push(`${asked.what} to ${to} in ${asked.epoch}`)
      return new Promise((resolve, reject) => {
        const forget = () => void held.splice(held.indexOf(request), 1)
        const timer = clock.setTimeout(() => {
          forget()
          reject(new LinkError('timeout', api))
        }, timeoutMs)
        const request: Held = {
          to,
          ...asked,
          answer(response) {
            clock.clearTimeout(timer)
            forget()
            answeredBy?.({ nodeId: to, incarnationId: `incarnation-${to}` })
            resolve(response)
          },
        }
        held.push(request)
      })
    },
    reconnectMs: 0,
    probe: async () => 'unknown',
    lastHeard: () => undefined,
    isUp: () => true,
    onNobodyThere() {},
    onChange() {},
    close: async () => {},
  }
  const logger: Logger = {
    ...silent,
    info(...said: unknown[]) {
      if (said[1] === 'leads the metadata quorum') lines.push('log: leads')
    },
  }
  const quorum = hostQuorum({
    clusterId,
    self: keyOf(start.id),
    endpoints: voterOf(start.id).endpoints,
    bootstrapIds: () => start.voters,
    store: disk.store,
    log: {
      ...disk.log,
      isSuspect: () => (start.isDamaged ?? false) && disk.log.recoveryPoint() < 2,
      appendAsLeader(records, options) {
        lines.push(`append in ${options.leaderEpoch}`)
        return disk.log.appendAsLeader(records, options)
      },
    },
    link,
    clock,
    random: { next: () => 0.5, below: (bound) => Math.floor(bound / 2), uuid: () => 'u' },
    logger,
    halt: (why) => {
      halted = why
    },
    config,
  })

  const world: QuorumWorld = {
    quorum,
    clock,
    held,
    begun: new Set(),
    lastFetchMs: new Map(),
    state: () => disk.state()!,
    endOffset: () => disk.log.endOffset(),
    note: (line) => void lines.push(line),
    async ask(from, api, version, request) {
      const head = Buffer.alloc(2)
      head.writeInt16BE(version)
      const message = Buffer.concat([head, ...encoder(api.request, version)(request)])
      const asker = { nodeId: from, incarnationId: `incarnation-${from}` }
      const answer = await handlers.get(api.name)!(message, asker)
      return decoder(api.response, version)(Buffer.concat(answer), 0) as never
    },
    take: () => lines.splice(0),
    settle: () => clock.advance(0),
    tick: async () => {
      const there = await clock.step()
      await clock.advance(0)
      return there
    },
    halted: () => halted,
    close: () => quorum.abandon(),
  }
  let isUp = false
  const up = quorum.start().then(() => {
    isUp = true
  })
  while (!isUp) {
    await clock.settled()
    await clock.step()
  }
  await up
  return world
}

const encoded = <A extends Api>(api: A, version: number, response: Response<A>): Buffer[] =>
  encoder(api.response, version)(response)

/** What a peer answers: an error, and whom it takes for the leader of which epoch. */
export function answerOf(
  { what }: Held,
  of: { error?: ErrorName; leaderId?: number; epoch?: number; granted?: boolean; records?: Buffer },
): Buffer[] {
  const { error = 'NONE', leaderId = -1, epoch: leaderEpoch = -1, granted = false } = of
  const partition = { partitionIndex: 0, errorCode: errorCodes[error], leaderId, leaderEpoch }
  const around = <P>(only: P) => ({
    errorCode: 0,
    topics: [{ topicName, partitions: [only] }],
    nodeEndpoints: [],
  })
  switch (what) {
    case 'PreVote':
    case 'Vote':
      return encoded(Vote, 2, around({ ...partition, voteGranted: granted }))
    case 'Begin':
      return encoded(BeginQuorumEpoch, 1, around(partition))
    case 'End':
      return encoded(EndQuorumEpoch, 1, around(partition))
    default: {
      const { records = null } = of
      const currentLeader = { leaderId, leaderEpoch }
      return encoded(
        MetadataFetch,
        fetchVersion,
        fetchResponse({ currentLeader, records, highWatermark: 0 }, error),
      )
    }
  }
}

/** A leader's records that change the voters. */
export const votersBatch = (baseOffset: number, leaderEpoch: number, ids: number[]): Buffer =>
  encodeControlBatch({
    baseOffset,
    leaderEpoch,
    timestampMs: 0,
    records: [votersRecord(ids.map(voterOf))],
  })

/** A request of a peer, as the chart's event tells it. */
export async function peerAsks(
  on: QuorumWorld,
  event: Extract<QuorumEvent, { type: 'Vote' | 'BeginQuorumEpoch' | 'EndQuorumEpoch' }>,
): Promise<void> {
  const { self } = on.quorum
  if (event.type === 'Vote') {
    const { candidate, epoch, preVote, upToDate } = event
    const { log } = on.quorum.rpc.replica
    const asked = {
      partitionIndex: 0,
      replicaEpoch: epoch,
      replicaId: candidate.id,
      replicaDirectoryId: candidate.directoryId,
      voterDirectoryId: self.directoryId,
      lastOffsetEpoch: upToDate ? log.lastEpoch() : 0,
      lastOffset: upToDate ? log.endOffset() : 0,
      preVote,
    }
    const answer = await on.ask(candidate.id, Vote, 2, {
      clusterId,
      voterId: self.id,
      topics: [{ topicName, partitions: [asked] }],
    })
    const partition = answer.topics[0]?.partitions[0]
    on.note(`answer ${partition?.voteGranted ? 'granted' : 'refused'} ${partition?.errorCode}`)
    return
  }
  const { leaderId, epoch: leaderEpoch } = event
  const partition = { partitionIndex: 0, leaderId, leaderEpoch }
  if (event.type === 'BeginQuorumEpoch') {
    await on.ask(leaderId, BeginQuorumEpoch, 1, {
      clusterId,
      voterId: self.id,
      topics: [{ topicName, partitions: [{ ...partition, voterDirectoryId: self.directoryId }] }],
      leaderEndpoints: [],
    })
    return
  }
  const preferred = event.place < 0 ? [] : [keyOf(self.id)]
  await on.ask(leaderId, EndQuorumEpoch, 1, {
    clusterId,
    topics: [
      {
        topicName,
        partitions: [
          {
            ...partition,
            preferredSuccessors: [],
            preferredCandidates: preferred.map(({ id, directoryId }) => ({
              candidateId: id,
              candidateDirectoryId: directoryId,
            })),
          },
        ],
      },
    ],
    leaderEndpoints: [],
  })
}

/** A replica fetches from the one under test: what it has until now is acknowledged. */
export async function peerFetches(
  on: QuorumWorld,
  from: number,
  { epoch }: Pick<QuorumContext, 'epoch'>,
  isCaughtUp: boolean,
): Promise<void> {
  const { log } = on.quorum.rpc.replica
  on.lastFetchMs.set(from, on.clock.monotonic())
  const answered = on.ask(from, MetadataFetch, fetchVersion, {
    clusterId,
    replicaId: -1,
    replicaState: { replicaId: from, replicaEpoch: -1 },
    maxWaitMs: 0,
    minBytes: 0,
    maxBytes: 1_000_000,
    isolationLevel: 0,
    sessionId: 0,
    sessionEpoch: -1,
    topics: [
      {
        topic: '',
        topicId: 'AAAAAAAAAAAAAAAAAAAAAQ',
        partitions: [
          {
            partition: 0,
            currentLeaderEpoch: epoch,
            fetchOffset: isCaughtUp ? log.endOffset() : 0,
            lastFetchedEpoch: isCaughtUp ? log.lastEpoch() : 0,
            logStartOffset: -1,
            partitionMaxBytes: 1_000_000,
            replicaDirectoryId: directoryOf(from),
            highWatermark: -1,
          },
        ],
      },
    ],
    forgottenTopicsData: [],
    rackId: '',
  })
  await on.clock.advance(0)
  await answered
}
