/** Whole nodes in a simulated world: the same seed gives the same history. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { drawScript } from './draw.ts'
import { createPool } from './pool.ts'
import { parseScript } from './script.ts'
import { play, type Result, simulate } from './simulate.ts'

const calm = { meanMs: {}, lossRate: 0, repeatRate: 0, delayMs: 0.3, stallRate: 0 }

const replayOf = (seed: number) => `npm run simulate -- --seed ${seed} --faulty 20`

function held({ failure, seed }: Result): void {
  assert.is(failure, undefined, `${failure?.why.message}\n${replayOf(seed)}`)
}

test('three nodes elect, register, create topics, take and give records: in simulated time', async () => {
  const result = await simulate({
    seed: 1,
    brokers: 3,
    controllers: 0,
    faultyMs: 10_000,
    mix: calm,
  })
  held(result)
  assert.ok(result.ackedRecords > 100)
  assert.is(result.unknownRecords, 0)
  assert.ok(result.consumedRecords >= result.ackedRecords)
  assert.is(result.elections, 1)
})

test('the same seed gives the same history', async () => {
  const options = { seed: 7, faultyMs: 10_000 }
  const [first, second] = [await simulate(options), await simulate(options)]
  assert.is(second.hash, first.hash)
  assert.is(second.steps, first.steps)
  const other = await simulate({ ...options, seed: 8 })
  assert.is.not(other.hash, first.hash)
})

test('a seed has one history, in whichever thread it is played, compiled file by file or as a whole', async () => {
  const scripts = [7, 8].map((seed) => drawScript({ seed, faultyMs: 3_000 }))
  const told = new Map<number, string>()
  await createPool(2).run(scripts[Symbol.iterator](), ({ seed, hash }) => {
    told.set(seed, hash)
    return true
  })
  for (const script of scripts) assert.is(told.get(script.seed), (await play(script)).hash)
})

test('a script is the same behind JSON', async () => {
  const script = drawScript({ seed: 9, faultyMs: 3_000 })
  const written = parseScript(JSON.stringify(script))
  assert.is((await play(written)).hash, (await play(script)).hash)
  assert.throws(() => parseScript('{"seed":1}'), /a script has shape/)
})

test.run()
