/**
 * Seeds that nobody has played yet break no promise: for five minutes. `SEED=N` sets the first of them,
 * `SEEDS_S=N` the seconds.
 */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { drawScript } from './draw.ts'
import { createPool } from './pool.ts'
import type { Told } from './told.ts'

const base = Number(process.env['SEED'] ?? Date.now() % 1_000_000_000)
const realMsMax = Number(process.env['SEEDS_S'] ?? 300) * 1_000

test(`fresh seeds break no promise (SEED=${base})`, async () => {
  const startedAt = performance.now()
  const told: Told[] = []
  function* fresh() {
    for (let seed = base; ; seed++) yield drawScript({ seed, faultyMs: 20_000 })
  }
  await createPool(1).run(fresh(), (one) => {
    told.push(one)
    return one.failure === undefined && performance.now() - startedAt < realMsMax
  })
  const hours = told.reduce((sum, { simulatedMs }) => sum + simulatedMs, 0) / 3_600_000
  console.log(`TOLD ${told.length} seeds from SEED=${base}, ${hours.toFixed(1)} h simulated`)
  for (const { seed, failure } of told) {
    const replay = `npm run simulate -- --seed ${seed} --faulty 20`
    assert.is(failure, undefined, `${failure?.message}\n${replay}`)
  }
})

test.run()
