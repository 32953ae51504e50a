/** A controller makes itself known once there is a cluster, and asks until it is. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { registerSelf } from '../../actors/controller/register-self.ts'
import type { Logger } from '../../actors/log.ts'
import { createImage } from '../../actors/metadata/create-image.ts'
import { ControllerRegistration } from '../../transport/schemas/70-controller-registration.ts'
import { fakeClock } from '../support/clock.ts'
import { active, incarnation } from './world.ts'

const silent: Logger = { debug() {}, info() {}, warn() {}, error() {}, child: () => silent }
const delta = {
  fromSnapshot: true,
  changedPartitions: new Map(),
  deletedTopics: new Map(),
  changedBrokers: new Set<number>(),
  changedConfigs: [],
  featuresChanged: true,
}
const registration = {
  controllerId: 2,
  incarnationId: incarnation('two'),
  listeners: [{ name: 'CONTROLLER', host: 'h', port: 9_093, securityProtocol: 0 }],
  features: [],
}

test('it registers after the bootstrap records, again after a failure, and then no more', async () => {
  const it = await active()
  const clock = fakeClock()
  let asked = 0
  const self = registerSelf({
    clock,
    log: silent,
    registration,
    channel: {
      call: async (_api, _version, request) => {
        if (++asked === 1) throw new Error('nobody there')
        return (await it.ask(ControllerRegistration, request as never)) as never
      },
    },
  })
  self.onMetadata(createImage(), delta)
  assert.is(asked, 0)
  self.onMetadata(it.committed(), delta)
  self.onMetadata(it.committed(), delta)
  await clock.advance(999)
  assert.is(asked, 1)
  await clock.advance(1)
  assert.is(it.committed().controllers().get(2)?.incarnationId, registration.incarnationId)
  self.onMetadata(it.committed(), delta)
  await clock.advance(10_000)
  assert.is(asked, 2)
})

test('a stopped one asks no more', async () => {
  const it = await active()
  const clock = fakeClock()
  let asked = 0
  const self = registerSelf({
    clock,
    log: silent,
    registration,
    channel: {
      call: async () => {
        asked++
        throw new Error('nobody there')
      },
    },
  })
  self.onMetadata(it.committed(), delta)
  await clock.advance(0)
  self.stop()
  await clock.advance(10_000)
  assert.is(asked, 1)
  assert.is(clock.pendingTimers(), 0)
})

test.run()
