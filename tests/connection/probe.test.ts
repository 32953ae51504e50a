/** When a process counts as ended, and each thing that must keep it from counting (decision by probe, N7). */
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { createProber } from '../../actors/probe/probe.ts'
import type { Endpoint, ProbeVerdict } from '../../transport/links/link.ts'
import { fakeClock } from '../support/clock.ts'

const intervalMs = 100
const graceMs = 300

const self: Endpoint = { nodeId: 1, incarnationId: 'self' }
const two: Endpoint = { nodeId: 2, incarnationId: 'two' }
const three: Endpoint = { nodeId: 3, incarnationId: 'three' }

/** Node 1 probes 2 and 3; a test says what each of them answers. */
function world() {
  const clock = fakeClock()
  const answers = new Map<string, ProbeVerdict>([
    [two.incarnationId, 'alive'],
    [three.incarnationId, 'alive'],
  ])
  const heard = new Map<string, number>()
  const asked: string[] = []
  const told: string[] = []
  const halts: unknown[] = []
  const listeners: ((up: boolean) => void)[] = []
  const missing: ((nodeId: number) => void)[] = []
  let targets = [two, three]
  let witnesses: Endpoint[] = []
  let up = true
  const prober = createProber({
    clock,
    random: { below: () => 0 },
    link: {
      self,
      isUp: () => up,
      lastHeard: ({ incarnationId }) => heard.get(incarnationId),
      onNobodyThere: (listener) => missing.push(listener),
      onChange: (listener) => listeners.push(listener),
      async probe({ incarnationId }, timeoutMs) {
        asked.push(incarnationId)
        const verdict = answers.get(incarnationId) ?? 'noResponders'
        if (verdict === 'silent') {
          await new Promise<void>((resolve) => clock.setTimeout(resolve, timeoutMs))
        }
        if (verdict === 'alive') heard.set(incarnationId, clock.monotonic())
        return verdict
      },
    },
    witnesses: () => witnesses,
    intervalMs,
    graceMs,
    halt: (why) => halts.push(why),
  })
  const { isDead } = prober.watch({
    targets: () => targets,
    onDead: ({ incarnationId }) => told.push(`${incarnationId} died`),
    onAlive: ({ incarnationId }) => told.push(`${incarnationId} lives`),
  })
  return {
    clock,
    prober,
    host: { isDead, stateOf: prober.stateOf, close: prober.close },
    answers,
    heard,
    asked,
    told,
    halts,
    watch(endpoints: Endpoint[], others: Endpoint[] = []) {
      targets = endpoints
      witnesses = others
    },
    nobodyThere({ nodeId }: Endpoint) {
      for (const listener of missing) listener(nodeId)
    },
    link(isUp: boolean) {
      up = isUp
      for (const listener of listeners) listener(isUp)
    },
  }
}

type World = ReturnType<typeof world>
const test = suite<{ world: World }>('death by probe')
test.before.each(async (context) => {
  context.world = world()
  await context.world.clock.advance(3 * intervalMs)
})
test.after.each(({ world: { host, halts } }) => {
  host.close()
  assert.equal(halts, [])
})

const aWhile = 10 * graceMs

test('who answers is alive, and is not told of', async ({ world: { clock, host, told } }) => {
  await clock.advance(aWhile)
  assert.is(host.stateOf(two), 'alive')
  assert.equal(told, [])
})

test('who has no responders for a grace is dead, and told of once', async ({
  world: { clock, host, answers, told },
}) => {
  answers.set('two', 'noResponders')
  await clock.advance(2 * intervalMs)
  assert.is(host.stateOf(two), 'suspected')
  assert.equal(told, [], 'not before the grace is over')
  await clock.advance(graceMs + 2 * intervalMs)
  assert.ok(host.isDead(two))
  await clock.advance(aWhile)
  assert.equal(told, ['two died'])
  assert.is(host.stateOf(three), 'alive')
})

test('who had nobody there for a request is asked at once, and only asked', async ({
  world: { clock, host, answers, asked, told, nobodyThere },
}) => {
  await clock.advance(intervalMs / 2)
  asked.length = 0
  nobodyThere(two)
  nobodyThere(two)
  await clock.advance(0)
  assert.equal(asked, ['two'])
  assert.is(host.stateOf(two), 'alive')
  await clock.advance(intervalMs)
  answers.set('two', 'noResponders')
  const from = clock.monotonic()
  nobodyThere(two)
  await clock.advance(0)
  assert.is(host.stateOf(two), 'suspected')
  await clock.advance(graceMs - 1)
  assert.equal(told, [], 'the grace is the same')
  while (told.length === 0) await clock.advance(1)
  assert.ok(clock.monotonic() - from <= graceMs + 2)
})

test('the grace lies between the first and the last failure', async ({
  world: { clock, answers, told },
}) => {
  answers.set('two', 'noResponders')
  const from = clock.monotonic()
  while (told.length === 0) await clock.advance(1)
  assert.ok(clock.monotonic() - from >= graceMs)
  assert.ok(clock.monotonic() - from <= graceMs + 4 * intervalMs)
})

test('one that is back within the grace was never dead', async ({
  world: { clock, host, answers, told },
}) => {
  answers.set('two', 'noResponders')
  await clock.advance(graceMs)
  assert.is(host.stateOf(two), 'suspected')
  answers.set('two', 'alive')
  await clock.advance(aWhile)
  assert.equal(told, [])
  assert.is(host.stateOf(two), 'alive')
})

test('whatever arrives from it by another path keeps it alive', async ({
  world: { clock, answers, heard, told },
}) => {
  answers.set('two', 'noResponders')
  for (let round = 0; round < 20; round++) {
    await clock.advance(graceMs / 2 + intervalMs)
    heard.set('two', clock.monotonic())
  }
  assert.equal(told, [])
})

test('who is heard by another path is not asked, and is once it is quiet', async ({
  world: { clock, answers, heard, asked, told },
}) => {
  asked.length = 0
  for (let time = 0; time < aWhile; time += intervalMs / 4) {
    heard.set('two', clock.monotonic())
    await clock.advance(intervalMs / 4)
  }
  assert.not(asked.includes('two'))
  assert.ok(asked.includes('three'))
  answers.set('two', 'noResponders')
  await clock.advance(graceMs + 4 * intervalMs)
  assert.equal(told, ['two died'])
})

test('while one is suspected all are asked, whoever was heard', async ({
  world: { clock, host, answers, heard, asked },
}) => {
  answers.set('two', 'noResponders')
  while (host.stateOf(two) !== 'suspected') await clock.advance(1)
  asked.length = 0
  heard.set('three', clock.monotonic())
  await clock.advance(intervalMs)
  assert.equal(asked, ['two', 'three'])
})

test('the dead are asked now and then only', async ({ world: { clock, answers, asked, told } }) => {
  answers.set('two', 'noResponders')
  await clock.advance(graceMs + 4 * intervalMs)
  assert.equal(told, ['two died'])
  asked.length = 0
  await clock.advance(aWhile)
  const times = asked.filter((id) => id === 'two').length
  assert.ok(times > 0 && times < aWhile / intervalMs / 2, `asked ${times} times`)
})

test('one silent probe begins the grace anew; silence alone kills nobody', async ({
  world: { clock, answers, told },
}) => {
  for (let round = 0; round < 5; round++) {
    answers.set('two', 'noResponders')
    await clock.advance(graceMs)
    answers.set('two', 'silent')
    await clock.advance(2 * graceMs)
  }
  await clock.advance(aWhile)
  assert.equal(told, [])
})

test('nobody is dead while no other node answers', async ({
  world: { clock, host, answers, told },
}) => {
  answers.set('two', 'noResponders')
  answers.set('three', 'silent')
  await clock.advance(aWhile)
  assert.equal(told, [])
  assert.is(host.stateOf(two), 'suspected')
  answers.set('three', 'alive')
  await clock.advance(aWhile)
  assert.equal(told, ['two died'])
})

test('two that end at once die when a witness answers', async ({
  world: { clock, answers, told, watch },
}) => {
  answers.set('two', 'noResponders')
  answers.set('three', 'noResponders')
  await clock.advance(aWhile)
  assert.equal(told, [])
  const four: Endpoint = { nodeId: 4, incarnationId: 'four' }
  answers.set('four', 'alive')
  watch([two, three], [four])
  await clock.advance(aWhile)
  assert.equal(told, ['two died', 'three died'])
})

test('another incarnation of the same node is no witness against it', async ({
  world: { clock, answers, told, watch },
}) => {
  const twoAgain: Endpoint = { nodeId: 2, incarnationId: 'two again' }
  answers.set('two again', 'alive')
  answers.set('two', 'noResponders')
  watch([two, twoAgain])
  await clock.advance(aWhile)
  assert.equal(told, [])
})

test('a quick restart does not hide the death of its predecessor', async ({
  world: { clock, answers, told, watch, host },
}) => {
  const twoAgain: Endpoint = { nodeId: 2, incarnationId: 'two again' }
  answers.set('two', 'noResponders')
  answers.set('two again', 'alive')
  watch([two, twoAgain, three])
  await clock.advance(graceMs + 3 * intervalMs)
  assert.equal(told, ['two died'])
  assert.is(host.stateOf(twoAgain), 'alive')
})

test('who was never heard is not dead by probe', async ({
  world: { clock, told, watch, host },
}) => {
  const stranger: Endpoint = { nodeId: 9, incarnationId: 'stranger' }
  watch([two, stranger])
  await clock.advance(aWhile)
  assert.is(host.stateOf(stranger), 'unheard')
  assert.equal(told, [])
})

test('after our own link was down nobody is dead until heard again', async ({
  world: { clock, answers, told, link, host },
}) => {
  link(false)
  answers.set('two', 'noResponders')
  await clock.advance(aWhile)
  link(true)
  await clock.advance(aWhile)
  assert.is(host.stateOf(two), 'unheard')
  assert.equal(told, [])
  answers.set('two', 'alive')
  await clock.advance(3 * intervalMs)
  answers.set('two', 'noResponders')
  await clock.advance(aWhile)
  assert.equal(told, ['two died'])
})

test('a verdict from before the link went down is void', async ({
  world: { clock, answers, told, link },
}) => {
  answers.set('two', 'noResponders')
  await clock.advance(graceMs)
  link(false)
  link(true)
  await clock.advance(aWhile)
  assert.equal(told, [])
})

test('after our own loop stood still nobody is dead until heard again', async ({
  world: { clock, answers, told, host },
}) => {
  answers.set('two', 'noResponders')
  await clock.advance(graceMs)
  await clock.stall(5_000)
  await clock.advance(aWhile)
  assert.is(host.stateOf(two), 'unheard')
  assert.equal(told, [])
})

test('a loop that is late begins the grace anew', async ({
  world: { clock, host, answers, told },
}) => {
  answers.set('two', 'noResponders')
  for (let round = 0; round < 5; round++) {
    await clock.advance(graceMs - intervalMs)
    await clock.stall(graceMs * 0.9)
  }
  assert.is(host.stateOf(two), 'suspected')
  assert.equal(told, [])
  await clock.advance(graceMs + intervalMs)
  assert.equal(told, ['two died'])
})

test('one that is heard after its death lives again, and may die again', async ({
  world: { clock, answers, told },
}) => {
  answers.set('two', 'noResponders')
  await clock.advance(aWhile)
  answers.set('two', 'alive')
  await clock.advance(aWhile)
  answers.set('two', 'noResponders')
  await clock.advance(aWhile)
  assert.equal(told, ['two died', 'two lives', 'two died'])
})

test('a question that its target took along costs no second grace', async ({
  world: { clock, answers, told },
}) => {
  answers.set('two', 'silent')
  const from = clock.monotonic()
  await clock.advance(intervalMs)
  answers.set('two', 'noResponders')
  while (told.length === 0) await clock.advance(1)
  assert.ok(clock.monotonic() - from <= graceMs + 3 * intervalMs)
})

test('nobody is dead while a probe of the grace may still be answered', async ({
  world: { clock, host, answers, told },
}) => {
  answers.set('two', 'noResponders')
  while (host.stateOf(two) !== 'suspected') await clock.advance(1)
  answers.set('two', 'silent')
  await clock.advance(intervalMs)
  answers.set('two', 'noResponders')
  await clock.advance(graceMs - 1)
  assert.equal(told, [], 'the silent one has no verdict yet')
  await clock.advance(intervalMs)
  assert.equal(told, [], 'the grace has begun anew')
  await clock.advance(aWhile)
  assert.equal(told, ['two died'])
})

test('who is no target any more is forgotten', async ({
  world: { clock, answers, told, watch, host },
}) => {
  answers.set('two', 'noResponders')
  await clock.advance(2 * intervalMs)
  watch([three])
  await clock.advance(aWhile)
  assert.is(host.stateOf(two), undefined)
  assert.equal(told, [])
  host.close()
  assert.is(clock.pendingTimers(), 0)
})

test('two who watch the same process are told alike, and it is asked once', async ({
  world: { clock, prober, answers, asked, told },
}) => {
  const others: string[] = []
  prober.watch({
    targets: () => [two],
    onDead: ({ incarnationId }) => others.push(`${incarnationId} died`),
    onAlive: ({ incarnationId }) => others.push(`${incarnationId} lives`),
  })
  asked.length = 0
  await clock.advance(intervalMs)
  assert.equal(asked, ['two', 'three'])
  answers.set('two', 'noResponders')
  await clock.advance(aWhile)
  answers.set('two', 'alive')
  await clock.advance(aWhile)
  assert.equal(told, ['two died', 'two lives'])
  assert.equal(others, told)
})

test('who begins to watch a dead process is told so, once', async ({
  world: { clock, prober, answers, told },
}) => {
  answers.set('two', 'noResponders')
  await clock.advance(aWhile)
  assert.equal(told, ['two died'])
  const late: string[] = []
  const { isDead, close } = prober.watch({
    targets: () => [two],
    onDead: ({ incarnationId }) => late.push(incarnationId),
  })
  await clock.advance(intervalMs)
  assert.equal(late, ['two'])
  assert.ok(isDead(two))
  await clock.advance(aWhile)
  assert.equal(late, ['two'])
  close()
  await clock.advance(aWhile)
  assert.is(prober.stateOf(two), 'dead', 'the other still watches')
  assert.equal(told, ['two died'])
})

test.run()
