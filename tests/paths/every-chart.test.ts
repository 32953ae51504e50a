/** No chart is left out: each machine of `machines/` has a walk that is named as it is. */
import { existsSync, readdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { StateMachine } from 'xstate'

const machines = new URL('../../machines/', import.meta.url)

test('every chart is walked', async () => {
  const files = readdirSync(machines, { recursive: true, encoding: 'utf8' })
  const charts: string[] = []
  for (const file of files.filter((name) => name.endsWith('.ts'))) {
    const exported = Object.values(await import(new URL(file, machines).href))
    if (exported.some((each) => each instanceof StateMachine)) charts.push(file)
  }
  assert.ok(charts.length > 0, 'there are charts')
  for (const file of charts) {
    const walk = fileURLToPath(new URL(file.replace('.ts', '.test.ts'), import.meta.url))
    assert.ok(existsSync(walk), `machines/${file} has no walk in tests/paths`)
  }
})

test.run()
