/** The broker lifecycle chart, walked at its host: what it asks of the controller is held and answered here. */
import { test } from 'uvu'
import type { AnyMachineSnapshot, EventObject } from 'xstate'
import { hostLifecycle, type Lifecycle } from '../../actors/broker/lifecycle.ts'
import { layeredConfig } from '../../actors/config/layered-config.ts'
import { createImage } from '../../actors/metadata/create-image.ts'
import { type BrokerLifecycleEvent, brokerLifecycle } from '../../machines/broker-lifecycle.ts'
import type { Api, Request } from '../../transport/protocol/api.ts'
import { errorCodes } from '../../transport/protocol/errors.ts'
import { silent } from '../storage/support.ts'
import { fakeClock } from '../support/clock.ts'
import { listenToGuards } from './chart.ts'
import { coverageOf } from './coverage.ts'
import { type Adapter, type World, walk } from './walk.ts'

const heartbeatIntervalMs = 2_000
const deadlineMs = 30_000

/** A request that nobody has answered yet; its number is the token of the answer. */
type Asked = { token: number; api: string; answer(response: object): void }

type BrokerWorld = World & { lifecycle: Lifecycle; asked: Asked[]; pass(ms: number): Promise<void> }

async function world(): Promise<BrokerWorld> {
  const clock = fakeClock()
  const lines: string[] = []
  const asked: Asked[] = []
  let sent = 0
  let halted: unknown
  const lifecycle = hostLifecycle({
    nodeId: 1,
    clusterId: 'cluster',
    incarnationId: 'incarnation',
    clock,
    config: layeredConfig(new Map([['broker.heartbeat.interval.ms', String(heartbeatIntervalMs)]])),
    log: silent,
    controller: {
      call: (api: Api, _version: number, request: Request<Api>) => {
        const { wantFence, wantShutDown } = request as Record<string, unknown>
        const wants = api.name === 'BrokerHeartbeat' ? ` ${wantFence} ${wantShutDown}` : ''
        lines.push(`${api.name}${wants}`)
        const token = ++sent
        return new Promise<never>((resolve) => {
          asked.push({ token, api: api.name, answer: (response) => resolve(response as never) })
        })
      },
    } as never,
    image: createImage,
    endpoints: () => [],
    features: [],
    directories: () => [],
    previousBrokerEpoch: () => -1,
    halt: (why) => {
      halted = why
    },
  })
  lifecycle.start()
  return {
    lifecycle,
    asked,
    pass: (ms) => clock.advance(ms),
    take: () => lines.splice(0),
    settle: () => clock.advance(0),
    tick: () => clock.step(),
    halted: () => halted,
    close: () => lifecycle.abandon(),
  }
}

/** Numbers of requests depend on the way; what counts is whether another has followed. */
type Planned = BrokerLifecycleEvent & { isLate?: boolean }

const isEqual = (a: object, b: object): boolean =>
  Object.entries(a).every(([name, value]) => (b as Record<string, unknown>)[name] === value)

const contextOf = ({ context }: AnyMachineSnapshot): { sent: number; ready: boolean } => context

/** One request is open at a time, but for heartbeats: news do not wait for the last one. */
function isOpen({ value }: AnyMachineSnapshot, type: string, isLate: boolean): boolean {
  const isBeat = type === 'BrokerHeartbeat' || type === 'heartbeatFailed'
  if (isLate) return isBeat && value.running === 'beating'
  return isBeat ? Object.values(value).includes('beating') : value.starting === 'registering'
}

const adapter: Adapter<BrokerWorld> = {
  name: 'a broker',
  machine: brokerLifecycle,
  input: { heartbeatIntervalMs },
  open: world,
  differs: ({ ready }: { ready: boolean }) => ready,
  events(snapshot) {
    const { sent } = contextOf(snapshot)
    const both = [true, false]
    const answers = [false, true].flatMap((isLate) => {
      const token = isLate ? sent - 1 : sent
      return [
        { type: 'BrokerRegistration', token, brokerEpoch: 7 },
        { type: 'registrationFailed', token },
        ...both.flatMap((isCaughtUp) =>
          both.flatMap((isFenced) =>
            both.map((shouldShutDown) => ({
              type: 'BrokerHeartbeat',
              token,
              isCaughtUp,
              isFenced,
              shouldShutDown,
            })),
          ),
        ),
        ...both.map((staleBrokerEpoch) => ({ type: 'heartbeatFailed', token, staleBrokerEpoch })),
      ].map((answer) => ({ ...answer, isLate }))
    })
    return [
      ...answers.filter(({ type, isLate }) => isOpen(snapshot, type, isLate)),
      { type: 'readyToUnfence' },
      { type: 'newsForController' },
      { type: 'shutdown', deadlineMs },
    ] as EventObject[]
  },
  isSame(planned: Planned, heard, before) {
    const { isLate, ...event } = planned
    if (isLate === undefined) return isEqual(event, heard)
    const { token } = heard as unknown as { token: number }
    if (!isLate && token !== contextOf(before).sent) return false
    return isEqual({ ...event, token }, heard)
  },
  async cause(on, event: Planned, before) {
    const { lifecycle, asked } = on
    if (event.type === 'readyToUnfence') return lifecycle.readyToUnfence()
    if (event.type === 'newsForController') return lifecycle.news()
    if (event.type === 'shutdown') return void lifecycle.shutdown(event.deadlineMs)
    const isBeat = event.type === 'BrokerHeartbeat' || event.type === 'heartbeatFailed'
    const api = isBeat ? 'BrokerHeartbeat' : 'BrokerRegistration'
    const { sent } = contextOf(before)
    const open = asked.find((each) => each.api === api && each.token === sent)
    if (event.isLate) lifecycle.news()
    if (open === undefined) return
    asked.splice(asked.indexOf(open), 1)
    const error =
      event.type === 'heartbeatFailed' && event.staleBrokerEpoch
        ? 'STALE_BROKER_EPOCH'
        : event.type === 'BrokerRegistration' || event.type === 'BrokerHeartbeat'
          ? 'NONE'
          : 'BROKER_NOT_AVAILABLE'
    open.answer({ ...event, errorCode: errorCodes[error] })
    await on.pass(0)
  },
  effect(_, { type, params }) {
    if (type === 'sendRegistration') return { now: ['BrokerRegistration'] }
    if (type !== 'sendHeartbeat') return {}
    const { wantFence, wantShutDown } = params as { wantFence: boolean; wantShutDown: boolean }
    return { now: [`BrokerHeartbeat ${wantFence} ${wantShutDown}`] }
  },
}

listenToGuards(brokerLifecycle)

test('every path through the broker lifecycle chart is what its actor does', async () => {
  const coverage = coverageOf('broker lifecycle', brokerLifecycle)
  await walk(brokerLifecycle, adapter, coverage)
  coverage.report()
})

test.run()
