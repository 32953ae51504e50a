/** The command line as a user meets it: help that teaches, and one line when something is wrong. */
import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'

const test = suite('samsa')
const samsaFile = fileURLToPath(new URL('../../runtime/cli/samsa.ts', import.meta.url))

const folder = mkdtempSync(join(tmpdir(), 'samsa-cli-'))
test.after(() => rmSync(folder, { recursive: true }))

type Ended = { code: number; out: string; err: string }

const samsa = (...args: string[]): Promise<Ended> =>
  new Promise((resolve) => {
    execFile(process.execPath, ['--import', 'tsx/esm', samsaFile, ...args], (error, out, err) =>
      resolve({ code: error === null ? 0 : Number(error.code), out, err }),
    )
  })

function oneLine({ code, out, err }: Ended): string {
  assert.is(code, 1)
  assert.is(out, '')
  assert.is(err.trimEnd().split('\n').length, 1, err)
  return err
}

function file(name: string, text: string): string {
  const path = join(folder, name)
  writeFileSync(path, text)
  return path
}

const broker = (id: number) => `
process.roles=broker
node.id=${id}
listeners=PLAINTEXT://127.0.0.1:0
log.dirs=${folder}/data-${id}
`

test('help names every command and shows how to begin', async () => {
  const { code, out } = await samsa('--help')
  assert.is(code, 0)
  for (const word of ['start', 'node', 'format', 'random-uuid', '$ samsa start']) {
    assert.match(out, word)
  }
})

test('a random uuid', async () => {
  const { code, out } = await samsa('random-uuid')
  assert.is(code, 0)
  assert.match(out, /^[A-Za-z0-9_][A-Za-z0-9_-]{21}\n$/)
})

test('no file, bad file, unformatted folder: one line each', async () => {
  assert.match(oneLine(await samsa('node', join(folder, 'none.properties'))), 'cannot read')
  const bad = file('bad.properties', `${broker(1)}num.partitions=many`)
  assert.match(oneLine(await samsa('node', bad)), 'num.partitions')
  const fresh = file('fresh.properties', broker(2))
  assert.match(oneLine(await samsa('node', fresh)), 'not formatted')
})

test('format tells what it did, and refuses to do it twice', async () => {
  const path = file('five.properties', broker(5))
  const clusterId = 'AAAAAAAAQACAAAAAAAAAAQ'
  const first = await samsa('format', '-t', clusterId, '-c', path)
  assert.is(first.out, `formatted ${folder}/data-5 for cluster ${clusterId}\n`)
  assert.match(oneLine(await samsa('format', '-t', clusterId, '-c', path)), 'formatted already')
  const ignoring = await samsa('format', '-g', '-t', clusterId, '-c', path)
  assert.is(ignoring.code, 0)
  assert.match(oneLine(await samsa('format', '-c', path)), '--cluster-id')
})

test('who votes must be said of a single controller', async () => {
  const text = broker(6).replace('roles=broker', 'roles=broker,controller')
  const args = ['format', '-t', 'AAAAAAAAQACAAAAAAAAAAQ', '-c', file('six.properties', text)]
  assert.match(oneLine(await samsa(...args)), 'who votes?')
  assert.is((await samsa(...args, '--standalone')).code, 0)
})

test('a wrong option is told, with where to look', async () => {
  const { code, err } = await samsa('start', '--brokers', 'three')
  assert.is(code, 1)
  assert.match(err, 'whole number')
  assert.match(err, 'samsa --help')
  assert.match(oneLine(await samsa('start', '--config', 'num.partitions')), 'key=value')
})

test.run()
