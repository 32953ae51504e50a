/**
 * The registration chart, walked inside an active controller: what the log says of a broker is where
 * it begins, its heartbeats are requests, and what it changes are records.
 */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { AnyMachineSnapshot, EventObject } from 'xstate'
import type { BrokerState, MetadataImage } from '../../actors/metadata/image.ts'
import { brokerRecord } from '../../actors/metadata/snapshot.ts'
import {
  brokerRegistration,
  type Heartbeat,
  type Registration,
  type RegistrationChange,
} from '../../machines/broker-registration.ts'
import type { MetadataRecord } from '../../transport/records/metadata.ts'
import { CreateTopics } from '../../transport/schemas/19-create-topics.ts'
import { DeleteTopics } from '../../transport/schemas/20-delete-topics.ts'
import { assigned } from '../controller/requests.ts'
import {
  bootstrapRecords,
  incarnation,
  type World as Only,
  world as ofOneController,
} from '../controller/world.ts'
import { listenToGuards } from './chart.ts'
import { type Coverage, coverageOf } from './coverage.ts'
import { type Adapter, type World, walk } from './walk.ts'

const broker = 7
/** Another one, that may lead, and hears of a hand-over when it tells so. */
const other = 8
const epochs = new Map([
  [broker, 1],
  [other, 2],
])
const sessionTimeoutMs = 9_000
const stallGraceMs = 1_000
/** Longer than a loop that keeps up is ever away. */
const stallMs = 800

type Start = Pick<Registration, 'fenced' | 'inControlledShutdown'>

/** Whether the controller's own loop stalls: never, always, or until a session ends. */
type Stalls = 'never' | 'always' | 'once'

type ControllerWorld = World & {
  only: Only
  /** What the broker was answered since it was last looked at. */
  answers: { isFenced: boolean; shouldShutDown: boolean }[]
  heardAt: number
  keptUp(): boolean
}

const known = (id: number, more: Partial<BrokerState> = {}): BrokerState => ({
  id,
  epoch: epochs.get(id)!,
  incarnationId: incarnation(`of${id}`),
  endpoints: [],
  features: [],
  rack: null,
  fenced: false,
  inControlledShutdown: false,
  logDirs: [incarnation(`directory${id}`)],
  isMigratingZkBroker: false,
  ...more,
})

/** A predecessor that died while it handed leaderships over has left this one. */
const leftBehind: MetadataRecord[] = [
  { type: 'TopicRecord', name: 'left', topicId: incarnation('left') },
  {
    type: 'PartitionRecord',
    partitionId: 0,
    topicId: incarnation('left'),
    replicas: [broker],
    isr: [broker],
    removingReplicas: [],
    addingReplicas: [],
    leader: broker,
    leaderRecoveryState: 0,
    leaderEpoch: 0,
    partitionEpoch: 0,
    directories: [incarnation(`directory${broker}`)],
    eligibleLeaderReplicas: null,
    lastKnownElr: null,
  },
]

async function world(start: Start, stalls: Stalls): Promise<ControllerWorld> {
  const only = ofOneController()
  const { clock, quorum, faults } = only
  const log: MetadataRecord[] = [
    ...bootstrapRecords,
    brokerRecord(known(broker, start)),
    brokerRecord(known(other)),
    ...(start.inControlledShutdown ? leftBehind : []),
  ]
  for (const [at, record] of log.entries()) {
    const offsets = { baseOffset: at, lastOffset: at }
    const rest = { epoch: 0, appendTimestampMs: clock.now(), sizeBytes: 1 }
    quorum.batches.push({ ...offsets, ...rest, records: [record] })
  }
  await quorum.lead(1)
  let seen = quorum.batches.length
  let stalledAt = Number.NEGATIVE_INFINITY
  const on: ControllerWorld = {
    only,
    answers: [],
    heardAt: clock.monotonic(),
    keptUp: () => clock.monotonic() - stalledAt >= stallGraceMs,
    take() {
      const batches = quorum.batches.slice(seen)
      seen = quorum.batches.length
      return batches.flatMap(({ records }) =>
        records.flatMap((record) => {
          if (record.type !== 'BrokerRegistrationChangeRecord') return []
          const { brokerId, brokerEpoch, fenced, inControlledShutdown } = record
          if (brokerId !== broker) return []
          return [changeLine({ brokerEpoch, fenced, inControlledShutdown })]
        }),
      )
    },
    settle: () => clock.advance(0),
    async tick() {
      const isRunning = clock.monotonic() - on.heardAt < sessionTimeoutMs
      if (stalls === 'never' || (stalls === 'once' && !isRunning)) return clock.step()
      stalledAt = clock.monotonic() + stallMs
      await clock.stall(stallMs)
      return true
    },
    halted: () => faults[0],
    close() {
      live = undefined
      only.controller.stop()
    },
  }
  live = on
  return on
}

const changeLine = (change: {
  brokerEpoch: number
  fenced: number
  inControlledShutdown: number
}): string => JSON.stringify(change)

/** Whose loop the chart's guard asks about. */
let live: ControllerWorld | undefined

type Planned = Heartbeat | { type: 'brokerGone' }

const beat = (more: Partial<Heartbeat> = {}): Heartbeat => ({
  type: 'BrokerHeartbeat',
  wantFence: false,
  wantShutDown: false,
  currentMetadataOffset: epochs.get(broker)!,
  leaderships: 0,
  handOverSeen: true,
  ...more,
})

const planned: Planned[] = [
  beat({ handOverSeen: false }),
  beat({ leaderships: 1 }),
  beat({ wantShutDown: true, leaderships: 1 }),
  beat({ wantShutDown: true, wantFence: true, leaderships: 1 }),
  beat({ wantFence: true }),
  beat({ currentMetadataOffset: 0 }),
  beat({ wantFence: true, currentMetadataOffset: 0 }),
  beat(),
  beat({ wantShutDown: true }),
  { type: 'brokerGone' },
]

const isStopping = ({ value }: AnyMachineSnapshot) =>
  typeof value === 'object' && 'controlledShutdown' in value

const leaderships = (image: MetadataImage): number =>
  [...image.topics()].filter((topic) => topic.partition(0)!.leader === broker).length

async function leadSome({ only: { ask, controller } }: ControllerWorld, some: boolean) {
  const leads = leaderships(controller.image()) > 0
  if (leads === some) return
  if (some) {
    const topics = [assigned('led', [broker])]
    await ask(CreateTopics, { topics, timeoutMs: 1_000, validateOnly: false })
  } else {
    const topics = [...controller.image().topics()].map(({ id }) => ({ name: null, topicId: id }))
    await ask(DeleteTopics, { topics, topicNames: [], timeoutMs: 1_000 })
  }
}

const adapterOf = (
  name: string,
  start: Start,
  stalls: Stalls,
  keptUp: (event: EventObject) => boolean,
  coverage: Coverage,
): Adapter<ControllerWorld> => ({
  name,
  machine: brokerRegistration.provide({
    guards: {
      keptUp({ event }) {
        if (live === undefined) return keptUp(event)
        // The host's own answer has no name of the chart; the transition tells that it is the same.
        const outcome = live.keptUp()
        coverage.answered({ guard: 'keptUp', outcome })
        return outcome
      },
    },
  }),
  input: {
    brokerId: broker,
    brokerEpoch: epochs.get(broker)!,
    registrationOffset: epochs.get(broker)!,
    ...start,
    sessionTimeoutMs,
    stallGraceMs,
  },
  actorId: `broker-registration-${broker}`,
  open: () => world(start, stalls),
  differs: () => null,
  events: () => planned as EventObject[],
  async cause(on, event: Planned, before) {
    const { only } = on
    if (event.type === 'brokerGone') {
      return only.controller.brokerGone(broker, known(broker).incarnationId)
    }
    await leadSome(on, event.leaderships > 0)
    if (isStopping(before) && event.handOverSeen) await only.beat(other, epochs.get(other)!)
    const { currentMetadataOffset, wantFence, wantShutDown } = event
    const more = { currentMetadataOffset, wantFence, wantShutDown }
    on.heardAt = only.clock.monotonic()
    on.answers.push(await only.beat(broker, epochs.get(broker)!, more))
  },
  isSame(planned: Planned, heard, before) {
    if (planned.type !== heard.type || planned.type === 'brokerGone') {
      return planned.type === heard.type
    }
    const { leaderships, handOverSeen, ...claims } = planned
    const told = heard as Heartbeat
    const isSeenAsPlanned = !isStopping(before) || told.handOverSeen === handOverSeen
    const leadsAsPlanned = told.leaderships > 0 === leaderships > 0
    const isAsClaimed = Object.entries(claims).every(
      ([name, value]) => told[name as keyof Heartbeat] === value,
    )
    return isSeenAsPlanned && leadsAsPlanned && isAsClaimed
  },
  effect(_, { type, params }) {
    if (type !== 'appendChange') return {}
    const { fenced = 0, inControlledShutdown = 0 } = params as RegistrationChange
    const brokerEpoch = epochs.get(broker)!
    return { now: [changeLine({ brokerEpoch, fenced, inControlledShutdown })] }
  },
  holds({ only, answers }, snapshot) {
    const isFenced = snapshot.hasTag('fenced')
    for (const answer of answers.splice(0)) {
      assert.is(answer.isFenced, isFenced, 'the answer says whether it is fenced')
      assert.is(answer.shouldShutDown, snapshot.hasTag('shouldShutDown'), 'and whether to stop')
    }
    const image = only.committed()
    assert.is(image.brokers().get(broker)!.fenced, isFenced, 'what is committed is the same')
    if (isFenced) assert.is(leaderships(image), 0, 'who is fenced leads nothing')
  },
})

const starts: Readonly<Record<string, Start>> = {
  fenced: { fenced: true, inControlledShutdown: false },
  'not fenced': { fenced: false, inControlledShutdown: false },
  stopping: { fenced: false, inControlledShutdown: true },
}
const loops: Readonly<Record<Stalls, (event: EventObject) => boolean>> = {
  never: () => true,
  always: () => false,
  once: ({ type }) => !type.includes('sessionTimeout'),
}

listenToGuards(brokerRegistration)

test('every path through the registration chart is what the active controller does', async () => {
  const coverage = coverageOf('broker registration', brokerRegistration)
  for (const [name, start] of Object.entries(starts)) {
    for (const [stalls, keptUp] of Object.entries(loops)) {
      const of = `a broker that is ${name}, a loop that stalls ${stalls}`
      const adapter = adapterOf(of, start, stalls as Stalls, keptUp, coverage)
      await walk(brokerRegistration, adapter, coverage)
    }
  }
  coverage.report()
})

test.run()
