/**
 * From `npm test` to the first produced record: a test on uvu that starts its cluster itself, three
 * embedded nodes here, three JVMs there (their formatting included), with the same client.
 */
import { copyFileSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { root, start } from '../../real/support/processes.ts'
import { kafkaCommands } from '../systems/kafka.ts'
import { properties, type System } from '../systems/system.ts'
import type { OnSystem } from './workload.ts'

const testFile = 'first-record.test.js'

async function beginsWith(system: System, folder: string): Promise<object> {
  if (system.name === 'Samsa')
    return { entry: join(root, 'dist/runtime/index.js'), config: properties }
  const { format, server, bootstrap } = await kafkaCommands(folder)
  return { prepare: format, servers: server, bootstrap }
}

export const firstTest: OnSystem = {
  kind: 'system',
  name: 'npm-test',
  title: 'from npm test to the first produced record, a cluster of three started by the test',
  forms: ['embedded'],
  isQuick: true,
  aims: { 'embedded warm': { time: 0.1 } },
  async measure({ system, folder }) {
    const project = join(folder, 'project')
    mkdirSync(project)
    symlinkSync(join(root, 'node_modules'), join(project, 'node_modules'))
    copyFileSync(join(root, 'tests/bench/first-test', testFile), join(project, testFile))
    const scripts = { test: `node ${testFile}` }
    writeFileSync(
      join(project, 'package.json'),
      JSON.stringify({ name: 'project', private: true, type: 'module', scripts }),
    )
    const BENCH = JSON.stringify(await beginsWith(system, join(folder, 'nodes')))
    const beganAt = performance.now()
    const tests = start('npm', ['test'], { cwd: project, env: { BENCH } })
    await tests.line(/^produced/, 240_000)
    const time = (performance.now() - beganAt) / 1e3
    const code = await tests.exited
    if (code !== 0) throw new Error(`npm test ended with ${code}: ${tests.errors.join('\n')}`)
    return { time }
  },
}
