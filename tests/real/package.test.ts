/**
 * What `npm pack` makes, unpacked in another place beside its run-time dependencies and no native
 * add-on: as a command and as a library, with plain Node.
 */
import { execFileSync } from 'node:child_process'
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import * as assert from 'uvu/assert'
import { root, run, start } from './support/processes.ts'
import { realSuite } from './support/real-suite.ts'

const test = realSuite('package')

const folder = mkdtempSync(join(tmpdir(), 'samsa-package-'))
const modules = join(folder, 'node_modules')
const installed = join(modules, 'samsa')
const program = join(installed, 'dist/runtime/cli/samsa.js')
test.after(() => rmSync(folder, { recursive: true, force: true }))

type Manifest = { dependencies: Record<string, string> }

/** A link leads to where the package really is, and so to what it depends on itself. */
function link(name: string): void {
  mkdirSync(dirname(join(modules, name)), { recursive: true })
  symlinkSync(join(root, 'node_modules', name), join(modules, name))
}

test('it is built and packed', async () => {
  await run('npm', ['pack', '--loglevel=error', '--pack-destination', folder])
  mkdirSync(installed, { recursive: true })
  const archive = readdirSync(folder).find((name) => name.endsWith('.tgz'))!
  execFileSync('tar', ['-xzf', join(folder, archive), '-C', installed, '--strip-components=1'])
  const manifest = JSON.parse(readFileSync(join(installed, 'package.json'), 'utf8')) as Manifest
  for (const name of Object.keys(manifest.dependencies)) link(name)
})

test('it holds what runs and what says so, and no sources or tests', () => {
  for (const file of ['README.md', 'LICENSE', 'dist/runtime/index.js', 'dist/runtime/index.d.ts']) {
    assert.ok(existsSync(join(installed, file)), file)
  }
  for (const file of ['tests', 'runtime', 'examples']) {
    assert.not.ok(existsSync(join(installed, file)), file)
  }
  assert.match(readFileSync(program, 'utf8'), /^#!\/usr\/bin\/env node\n/)
})

test('the command starts a cluster, and Ctrl-C ends it', async () => {
  const args = [program, 'start', '--port', '0', '--ephemeral', '--json']
  const cluster = start(process.execPath, args, { cwd: folder })
  const ready = JSON.parse(await cluster.line(/"event":"ready"/)) as Record<string, string>
  assert.match(ready['bootstrap.servers']!, /^127\.0\.0\.1:\d+,127\.0\.0\.1:\d+,127\.0\.0\.1:\d+$/)
  cluster.child.kill('SIGINT')
  assert.is(await cluster.exited, 0)
  assert.is(cluster.lines.at(-1), '{"event":"stopped"}')
})

test('the library starts a cluster', async () => {
  const script = join(folder, 'try.mjs')
  writeFileSync(
    script,
    `import { startCluster } from 'samsa'
     const cluster = await startCluster({ brokers: 1 })
     console.log(cluster.bootstrapServers)
     await cluster.close()
     process.exit(0)`,
  )
  const [servers] = await run(process.execPath, [script], { cwd: folder })
  assert.match(servers!, /^127\.0\.0\.1:\d+$/)
})

test.run()
