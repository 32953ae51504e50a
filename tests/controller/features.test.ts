/** Finalized levels change only to what every node supports, all of a request or nothing. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { errorName } from '../../transport/protocol/errors.ts'
import { UpdateFeatures } from '../../transport/schemas/57-update-features.ts'
import { active, registration, type World } from './world.ts'

const supported = [
  { name: 'metadata.version', minVersion: 29, maxVersion: 30 },
  { name: 'group.version', minVersion: 0, maxVersion: 1 },
  { name: 'kraft.version', minVersion: 0, maxVersion: 1 },
]

async function withBroker(max: number): Promise<World> {
  const it = await active()
  Object.assign(it.host, { supportedFeatures: () => supported })
  const features = [
    ...registration(7).features,
    { name: 'group.version', minSupportedVersion: 0, maxSupportedVersion: max },
  ]
  await it.register(7, { features })
  return it
}

async function update(it: World, levels: Record<string, number>, upgradeType = 1) {
  const answer = await it.ask(UpdateFeatures, {
    timeoutMs: 1_000,
    featureUpdates: Object.entries(levels).map(([feature, maxVersionLevel]) => ({
      feature,
      maxVersionLevel,
      allowDowngrade: false,
      upgradeType,
    })),
    validateOnly: false,
  })
  return errorName(answer.errorCode)
}

test('a level rises by upgrade and falls by downgrade', async () => {
  const it = await withBroker(1)
  assert.is(await update(it, { 'group.version': 1 }), 'NONE')
  assert.is(it.committed().features().get('group.version'), 1)
  assert.is(await update(it, { 'group.version': 0 }), 'INVALID_UPDATE_VERSION')
  assert.is(await update(it, { 'group.version': 0 }, 2), 'NONE')
  assert.not.ok(it.committed().features().has('group.version'))
})

test('what somebody does not support is refused, with everything beside it', async () => {
  const it = await withBroker(0)
  const before = it.records().length
  for (const levels of [
    { 'group.version': 1 },
    { 'metadata.version': 31 },
    { 'metadata.version': 29 },
    { 'kraft.version': 1 },
    { 'no.such': 1 },
    { 'metadata.version': 30, 'group.version': 2 },
  ] as Record<string, number>[]) {
    assert.is(await update(it, levels, 2), 'INVALID_UPDATE_VERSION')
  }
  assert.is(await update(it, { 'group.version': 0 }, 9), 'INVALID_UPDATE_VERSION')
  assert.is(it.records().length, before)
})

test.run()
