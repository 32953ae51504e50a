/** Faults of disks and of clients, one at a time, while a producer writes: what must come of each. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { createDisk } from './disk.ts'
import { drawScript } from './draw.ts'
import { seededRandom } from './random.ts'
import { createMachine, createScheduler } from './scheduler.ts'
import type { Fault, Script, Timed } from './script.ts'
import { play } from './simulate.ts'
import type { TraceEvent } from './trace.ts'

/** A calm history with these faults. */
function scriptWith(faults: Timed<Fault>[], controllers: number): Script {
  const mix = { meanMs: {}, lossRate: 0, repeatRate: 0, delayMs: 0.3, stallRate: 0 }
  const drawn = drawScript({ seed: 5, brokers: 3, controllers, faultyMs: 12_000, mix })
  const actions = [...drawn.actions, ...faults].sort((a, b) => a.at - b.at)
  return { ...drawn, actions }
}

const told = (fault: Fault, controllers = 0) => toldOf([{ at: 2_000, ...fault }], controllers)

async function toldOf(given: Timed<Fault>[], controllers: number): Promise<TraceEvent[]> {
  const events: TraceEvent[] = []
  const { failure, faults } = await play(scriptWith(given, controllers), (event) =>
    events.push(event),
  )
  assert.is(failure, undefined, failure?.why.stack)
  assert.equal(faults, Object.fromEntries(given.map((fault) => [fault.do, 1])))
  return events
}

const disk = { do: 'diskError', node: 2, directory: 0, share: 0, forMs: 4_000 } as const

for (const [operation, code] of [
  ['read', 'EIO'],
  ['write', 'EIO'],
  ['write', 'ENOSPC'],
  ['sync', 'EIO'],
] as const) {
  test(`${code} from a ${operation}: the node stops, the others go on, and it comes back`, async () => {
    const events = await told({ ...disk, operation, code })
    const stopped = events.findIndex(({ what }) => what === 'stopped by its disk')
    assert.ok(events.some(({ what }) => what === 'disk error'))
    assert.ok(stopped > 0)
    assert.ok(
      events.slice(stopped).some(({ what, node }) => what === 'start' && node === disk.node),
    )
  })
}

test('what a sync of a dead process meets is not heard by the next one', async () => {
  const scheduler = createScheduler()
  const node = createDisk(createMachine(scheduler), seededRandom(1))
  const heard: (boolean | undefined)[] = []
  const fd = node.open('/file', 'create')
  node.faults.check = (_, __, isHeard) => void heard.push(isHeard)
  const ofDead = node.datasync(fd)
  node.processEnded()
  const ofLiving = node.datasync(node.open('/file', 'write'))
  await scheduler.run(() => heard.length === 2, 1_000)
  await Promise.all([ofDead, ofLiving])
  assert.equal(heard.sort(), [false, true])
})

test('the active controller cannot write its log, and is cut off: it stops all the same', async () => {
  const faults: Timed<Fault>[] = [
    { at: 500, do: 'isolate', node: 'controller', forMs: 20_000 },
    { at: 501, ...disk, node: 'controller', operation: 'write', code: 'ENOSPC' },
  ]
  const events = await toldOf(faults, 3)
  assert.ok(events.some(({ what }) => what === 'stopped by its disk'))
})

test('a client that sends random bytes is sent away, and nobody else notices', async () => {
  const events = await told({ do: 'hostile', node: 2, seed: 3, forMs: 3_000 })
  const warned = events.filter(({ what, node, level }) => node === 2 && level === 'warn' && what)
  assert.ok(warned.length > 0)
})

test('clients write a byte now and then, or half a request: nobody else notices', async () => {
  await told({ do: 'slowWriter', node: 2, forMs: 8_000 })
})

for (const [what, refusals] of [
  ['zombieProducer', ['INVALID_PRODUCER_EPOCH', 'OUT_OF_ORDER_SEQUENCE_NUMBER']],
  ['zombieMember', ['UNKNOWN_MEMBER_ID', 'ILLEGAL_GENERATION']],
  ['staleReader', ['UNKNOWN_LEADER_EPOCH', 'OFFSET_OUT_OF_RANGE', 'FETCH_SESSION_ID_NOT_FOUND']],
] as const) {
  test(`${what}: what is over is refused`, async () => {
    const events = await told({ do: what, topic: 'first', partition: 0, forMs: 9_000 })
    const errors = events.filter((each) => each.what === 'foe refused').map(({ error }) => error)
    for (const refusal of refusals) assert.ok(errors.includes(refusal), refusal)
  })
}

test('a bit of a log flips while its node is down: it is found, and the replica fetched again', async () => {
  const events = await told({
    do: 'bitFlip',
    node: 2,
    of: 'batch',
    how: 'flip',
    seed: 1,
    forMs: 1_000,
  })
  const { entry } = events.find(({ what }) => what === 'damage')!
  assert.ok(entry)
  assert.ok(events.some(({ what, node }) => what === 'log damaged' && node === 2))
})

test('a broker comes back with an empty disk: it fetches all it had, and counts again', async () => {
  const events = await told({ do: 'wipe', node: 2, forMs: 1_000 }, 3)
  assert.ok(events.some(({ what, node }) => what === 'wipe' && node === 2))
})

test.run()
