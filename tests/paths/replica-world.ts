/**
 * One partition in a broker's replicas, over a log of epochs and ends, a link whose leaders have nothing
 * new, and a controller whose answers wait for the test.
 */
import * as assert from 'uvu/assert'
import { layeredConfig } from '../../actors/config/layered-config.ts'
import { createImage } from '../../actors/metadata/create-image.ts'
import { collectChanges } from '../../actors/metadata/delta.ts'
import { brokerRecord } from '../../actors/metadata/snapshot.ts'
import { type Log, type LogDirectory, type LogStore, StorageError } from '../../actors/ports/log.ts'
import { createReplicas, type Replicas } from '../../actors/replica/manager.ts'
import type { ReplicaContext } from '../../machines/replica.ts'
import type { Link } from '../../transport/links/link.ts'
import type { Request, Response } from '../../transport/protocol/api.ts'
import { decoder, encoder } from '../../transport/protocol/codec.ts'
import { errorCodes } from '../../transport/protocol/errors.ts'
import type { MetadataRecord } from '../../transport/records/metadata.ts'
import { Fetch } from '../../transport/schemas/01-fetch.ts'
import type { AlterPartition } from '../../transport/schemas/56-alter-partition.ts'
import { change } from '../replica/changes.ts'
import { batchOf } from '../replica/rig.ts'
import { countingRandom, silent } from '../storage/support.ts'
import { fakeClock } from '../support/clock.ts'
import type { World } from './walk.ts'

export const nodeId = 1
export const replicaIds = [1, 2, 3]
export const of = { topic: 'orders', partition: 0 }
const uuid = (name: string) => Buffer.from(name.padEnd(16)).toString('base64url')
export const topicId = uuid(of.topic)
const epochOf = (broker: number) => broker
const fetchVersion = 18

export type Start = {
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

export type BrokerWorld = World & {
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

export async function world({ leader, isr, fails }: Start): Promise<BrokerWorld> {
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
export const proposalLine = ({
  leaderEpoch,
  partitionEpoch,
  proposedIsr,
}: Pick<ReplicaContext, 'leaderEpoch' | 'partitionEpoch' | 'proposedIsr'>): string =>
  `propose ${proposedIsr} in ${leaderEpoch}/${partitionEpoch}`

export const divergedAt = (divergingEpoch: FetchAnswer['divergingEpoch']): FetchAnswer => ({
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
