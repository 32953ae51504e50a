/** The registration chart alone, on a clock that the test moves, with its effects written down. */
import { createActor } from 'xstate'
import {
  brokerRegistration,
  type Heartbeat,
  type Registration,
  type RegistrationChange,
} from '../../machines/broker-registration.ts'
import { fakeClock } from '../support/clock.ts'

export const registered = (more: Partial<Registration> = {}): Registration => ({
  brokerId: 7,
  brokerEpoch: 40,
  registrationOffset: 100,
  fenced: true,
  inControlledShutdown: false,
  sessionTimeoutMs: 9_000,
  stallGraceMs: 1_000,
  ...more,
})

export const heartbeat = (more: Partial<Heartbeat> = {}): Heartbeat => ({
  type: 'BrokerHeartbeat',
  wantFence: false,
  wantShutDown: false,
  currentMetadataOffset: 100,
  leaderships: 0,
  handOverSeen: true,
  ...more,
})

export function chart(input: Registration = registered()) {
  const clock = fakeClock()
  const changes: RegistrationChange[] = []
  const errors: unknown[] = []
  let stalled = false
  const actor = createActor(
    brokerRegistration.provide({
      guards: { keptUp: () => !stalled },
      actions: {
        appendChange: (_, change) => {
          changes.push(change)
        },
        unexpected: ({ event }) => {
          throw new Error(`unexpected ${event.type}`)
        },
      },
    }),
    { input, clock },
  )
  actor.subscribe({ error: (why) => errors.push(why) })
  actor.start()
  const leaf = (value: unknown): string =>
    typeof value === 'string'
      ? value
      : Object.entries(value as object)
          .flat()
          .join('.')
  return {
    clock,
    errors,
    actor,
    state: () => leaf(actor.getSnapshot().value),
    take: () => changes.splice(0),
    stalled: (is: boolean) => {
      stalled = is
    },
  }
}
