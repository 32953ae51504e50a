/**
 * How the controller chart is reached at its host, on a quorum of paper: leadership is given and taken,
 * what is appended commits when told, and cannot be appended when the test says so.
 */
import * as assert from 'uvu/assert'
import type { AnyMachineSnapshot } from 'xstate'
import { brokerRecord } from '../../actors/metadata/snapshot.ts'
import { NotLeaderError } from '../../actors/quorum/types.ts'
import {
  type ControllerContext,
  type ControllerEvent,
  controller,
} from '../../machines/controller.ts'
import { KafkaError } from '../../transport/protocol/errors.ts'
import type { MetadataRecord } from '../../transport/records/metadata.ts'
import {
  bootstrapRecords,
  incarnation,
  type World as Only,
  world as ofOneController,
  selfId,
} from '../controller/world.ts'
import type { Adapter, Seen, World } from './walk.ts'

export type Intervals = Pick<
  ControllerContext,
  'idleIntervalMs' | 'balanceIntervalMs' | 'uncleanIntervalMs'
>

/** How an append fails: the disk is full; somebody else leads, which is yet to be told; or is told first. */
type Fault = 'full' | 'led elsewhere' | 'told of another leader'

export type ControllerWorld = World & {
  only: Only
  fault: Fault | undefined
  /** The last offset at the last idle interval. */
  quietSince: number
  /** What is appended because the test asked for it. */
  asked: string[]
  /** Answers of writes that were refused. */
  refused: string[]
}

const brokers = [7, 8]
const topicId = incarnation('topic')
const another = 2

/** A node that never activated has left no bootstrap records; a leader that is not preferred, and none. */
const inTheLog: MetadataRecord[] = [
  ...brokers.map((id) =>
    brokerRecord({
      id,
      epoch: id,
      incarnationId: incarnation(`of${id}`),
      endpoints: [],
      features: [],
      rack: null,
      fenced: false,
      inControlledShutdown: false,
      logDirs: [incarnation(`directory${id}`)],
      isMigratingZkBroker: false,
    }),
  ),
  { type: 'TopicRecord', name: 'orders', topicId },
  {
    type: 'ConfigRecord',
    resourceType: 2,
    resourceName: 'orders',
    name: 'unclean.leader.election.enable',
    value: 'true',
  },
  ...[
    { replicas: [7, 8], isr: [7, 8], leader: 8 },
    { replicas: [9, 7], isr: [9], leader: -1 },
  ].map((of, partitionId) => ({
    type: 'PartitionRecord' as const,
    partitionId,
    topicId,
    ...of,
    removingReplicas: [],
    addingReplicas: [],
    leaderRecoveryState: 0,
    leaderEpoch: 0,
    partitionEpoch: 0,
    directories: of.replicas.map((id) => incarnation(`directory${id}`)),
    eligibleLeaderReplicas: null,
    lastKnownElr: null,
  })),
]

async function world(of: Intervals): Promise<ControllerWorld> {
  const { idleIntervalMs, balanceIntervalMs, uncleanIntervalMs } = of
  const only = ofOneController({
    'metadata.max.idle.interval.ms': String(idleIntervalMs),
    'auto.leader.rebalance.enable': String(balanceIntervalMs > 0),
    'leader.imbalance.check.interval.seconds': String(balanceIntervalMs / 1_000 || 1),
    'unclean.leader.election.interval.ms': String(uncleanIntervalMs),
    'broker.session.timeout.ms': '3600000',
  })
  const { clock, quorum, faults } = only
  for (const [at, record] of inTheLog.entries()) {
    const offsets = { baseOffset: at, lastOffset: at }
    const rest = { epoch: 0, appendTimestampMs: clock.now(), sizeBytes: 1 }
    quorum.batches.push({ ...offsets, ...rest, records: [record] })
  }
  await quorum.commit()
  const lines: string[] = []
  quorum.commits = 'when told'
  const { append } = quorum
  quorum.append = (epoch, records) => {
    if (on.fault === 'full') throw new Error('the disk is full')
    if (on.fault === 'told of another leader') {
      on.fault = 'led elsewhere'
      void quorum.depose('lost')
    }
    if (on.fault === 'led elsewhere') throw new NotLeaderError('not led')
    lines.push(appended(epoch, records))
    return append(epoch, records)
  }
  quorum.resign = (epoch) => void lines.push(`resign ${epoch}`)
  const on: ControllerWorld = {
    only,
    fault: undefined,
    quietSince: -1,
    asked: [],
    refused: [],
    take: () => lines.splice(0),
    settle: () => clock.advance(0),
    tick: () => clock.step(),
    halted: () => faults[0],
    close: () => only.controller.stop(),
  }
  return on
}

const appended = (epoch: number, records: readonly { type: string }[]): string =>
  `append ${records.map(({ type }) => type)} in ${epoch}`

const contextOf = ({ context }: AnyMachineSnapshot): ControllerContext => context
const isTerm = ({ value }: AnyMachineSnapshot) => typeof value === 'object'

/** What hearing of leadership is new by; epochs of a plan are not those of a walk. */
type Planned = ControllerEvent & { isNew?: boolean }

const noOp = () => ({ records: [{ type: 'NoOpRecord' as const }], answer: undefined })

/** A decision that cannot be written, and its answer. */
async function writeInVain({ only, refused }: ControllerWorld): Promise<void> {
  try {
    await only.controller.write(noOp)
  } catch (error) {
    refused.push(error instanceof KafkaError ? error.code : String(error))
  }
}

async function fail(on: ControllerWorld, { idleIntervalMs }: Intervals): Promise<void> {
  if (idleIntervalMs === 0) {
    on.fault = 'led elsewhere'
    await writeInVain(on)
  } else {
    on.fault = 'full'
    await on.only.clock.advance(2 * idleIntervalMs)
  }
  on.fault = undefined
}

/** A term that ends as it begins: its first records cannot be written, nor that brokers are gone. */
async function leadInVain(on: ControllerWorld, epoch: number, fault: Fault): Promise<void> {
  const { quorum, controller: of } = on.only
  for (const id of brokers) of.brokerGone(id, incarnation(`of${id}`))
  on.fault = fault
  await quorum.lead(epoch)
  on.fault = undefined
  for (const id of brokers) of.brokerHeard(id, incarnation(`of${id}`))
}

async function endLate(on: ControllerWorld, before: AnyMachineSnapshot): Promise<void> {
  const { epoch } = contextOf(before)
  if (before.value === 'standby') return leadInVain(on, epoch + 1, 'told of another leader')
  await on.only.quorum.depose('lost', { leaderId: -1, epoch: epoch + 1 })
  return leadInVain(on, epoch + 2, 'full')
}

function takeLeadership(on: ControllerWorld, event: Planned, before: AnyMachineSnapshot) {
  const { quorum, controller: of } = on.only
  const { epoch, termEpoch } = contextOf(before)
  if (event.isNew) return quorum.lead(epoch + 1, 'of its leadership')
  // Of an epoch that was told before its leader was.
  if (!isTerm(before) && epoch > termEpoch) return quorum.lead(epoch, 'of its leadership')
  return of.handleLeaderChange({ leaderId: selfId, epoch })
}

/** The host's effects, by what the image holds just before. */
function seenOf(on: ControllerWorld, type: string, params: unknown): Seen {
  const { controller: of, quorum } = on.only
  const { epoch } = quorum.leaderAndEpoch()
  const written = (...types: string[]): Seen => ({
    now:
      on.fault === undefined
        ? [
            appended(
              epoch,
              types.map((name) => ({ type: name })),
            ),
          ]
        : [],
  })
  const partitions = () => [0, 1].map((at) => of.image().topicByName('orders')!.partition(at)!)
  switch (type) {
    case 'appendActivationRecords': {
      assert.ok(of.isActive(), 'the term has begun')
      if (of.image().features().has('metadata.version')) return {}
      const bootstrap = bootstrapRecords.map((record) => record.type)
      return written('BeginTransactionRecord', ...bootstrap, 'EndTransactionRecord')
    }
    case 'dropBrokers':
      assert.ok(of.isActive(), 'sessions end before the term does')
      return {}
    case 'resignLeadership':
      assert.not(of.isActive(), 'who asks for another leader decides nothing any more')
      return { now: [`resign ${(params as { epoch: number }).epoch}`] }
    case 'appendNoOp': {
      const { offset } = of.image()
      const isQuiet = offset === on.quietSince
      on.quietSince = offset + (isQuiet && on.fault === undefined ? 1 : 0)
      return isQuiet ? written('NoOpRecord') : {}
    }
    case 'balanceLeaders':
      return partitions()[0]!.leader === 7 ? {} : written('PartitionChangeRecord')
    case 'electUncleanly':
      return partitions()[1]!.leader === 7 ? {} : written('PartitionChangeRecord')
    default:
      return {}
  }
}

export const adapterOf = (name: string, intervals: Intervals): Adapter<ControllerWorld> => ({
  name,
  machine: controller,
  input: { nodeId: selfId, ...intervals },
  actorId: `controller-${selfId}`,
  open: () => world(intervals),
  differs: ({ epoch, termEpoch }: ControllerContext) => [epoch === termEpoch, epoch < 0],
  isRelative: true,
  events(snapshot) {
    const { epoch, activationOffset } = contextOf(snapshot)
    const leads = (leaderId: number, isNew: boolean): Planned => ({
      type: 'leaderChanged',
      leaderId,
      epoch: isNew ? epoch + 1 : epoch,
      isNew,
    })
    // Who leads again has been told that its earlier records are committed (R15).
    const isActivating = snapshot.value.active?.term === 'activating'
    return [
      ...(epoch < 0 ? [] : [leads(selfId, false)]),
      ...(isActivating ? [] : [leads(selfId, true)]),
      leads(another, true),
      leads(-1, true),
      // A leader that resigns gives up its epoch before there is another.
      ...(snapshot.value === 'standby' ? [] : [leads(-1, false)]),
      ...(isTerm(snapshot) ? [] : [{ type: 'activated', offset: activationOffset }]),
      ...(isActivating ? [{ type: 'committed', offset: activationOffset - 1 }] : []),
      { type: 'committed', offset: activationOffset },
      { type: 'failed' },
      { type: 'stop' },
    ] as Planned[]
  },
  isSame(planned: Planned, heard, before) {
    if (planned.type !== heard.type) return false
    const told = heard as ControllerEvent
    if (planned.type !== 'leaderChanged' || told.type !== 'leaderChanged') return true
    const isNew = told.epoch > contextOf(before).epoch
    return told.leaderId === planned.leaderId && isNew === planned.isNew
  },
  async cause(on, event: Planned, before) {
    const { quorum, controller: of } = on.only
    const { epoch } = contextOf(before)
    switch (event.type) {
      case 'leaderChanged':
        if (event.leaderId === selfId) return takeLeadership(on, event, before)
        return quorum.depose('lost', {
          leaderId: event.leaderId,
          epoch: event.isNew ? epoch + 1 : epoch,
        })
      case 'committed': {
        // Nothing is told of where nothing was written.
        if (before.value.active?.term === 'settled') {
          on.asked.push(appended(epoch, noOp().records))
          void of.write(noOp)
        }
        return quorum.commit()
      }
      case 'activated':
        return endLate(on, before)
      case 'failed':
        return isTerm(before) ? fail(on, intervals) : endLate(on, before)
      case 'stop':
        return of.stop()
    }
  },
  effect: (on, { type, params }) => seenOf(on, type, params),
  goesOn: (line, _, { asked }) => asked.splice(0).includes(line),
  holds(on, snapshot) {
    const { controller: of, quorum } = on.only
    const isActive = snapshot.hasTag('active')
    assert.is(of.isActive(), isActive, 'it decides where the chart is active')
    for (const id of brokers) {
      assert.is(of.hasSession(id, id), isActive, 'sessions are those of a term (M6)')
    }
    for (const code of on.refused.splice(0)) assert.is(code, 'NOT_CONTROLLER')
    if (isActive) return
    assert.is(of.image().offset, quorum.highWatermark() - 1, 'back to what is committed (M4)')
  },
})
