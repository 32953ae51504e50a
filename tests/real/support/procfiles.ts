/** The Procfiles as a user starts them, in a folder of their own and on ports that are free. */
import { cpSync, mkdtempSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseProperties } from '../../../runtime/config/properties.ts'
import { freePorts } from '../../support/ports.ts'
import { eventually, type Program, root, start } from './processes.ts'

export type ProcfileCopy = {
  folder: string
  bootstrap: string
  nodes: number[]
  replicas: number
}

/** Copies Procfile and property files, each fixed port replaced by a free one. */
export async function copyShape(shape: string, procfile: string): Promise<ProcfileCopy> {
  const folder = mkdtempSync(join(tmpdir(), 'samsa-foreman-'))
  for (const name of ['node_modules', 'machines', 'actors', 'transport', 'runtime']) {
    symlinkSync(join(root, name), join(folder, name))
  }
  cpSync(join(root, 'package.json'), join(folder, 'package.json'))
  cpSync(join(root, 'examples'), join(folder, 'examples'), { recursive: true })
  const examples = join(folder, 'examples', shape)
  const files = readdirSync(examples).filter((name) => name.endsWith('.properties'))
  const texts = new Map(files.map((name) => [name, readFileSync(join(examples, name), 'utf8')]))
  const runner = readFileSync(join(root, 'examples/run'), 'utf8')
  const written = new Set([runner, ...texts.values()].join('\n').match(/\b(4222|1?90\d\d)\b/g))
  const free = await freePorts(written.size)
  const ports = new Map([...written].map((port, index) => [port, `${free[index]}`]))
  const moved = (text: string) => text.replace(/\b(4222|1?90\d\d)\b/g, (port) => ports.get(port)!)
  for (const [name, text] of texts) writeFileSync(join(examples, name), moved(text))
  writeFileSync(join(folder, 'examples/run'), moved(runner))
  cpSync(join(root, procfile), join(folder, 'Procfile'))
  const nodes = [...texts.values()].map((text) => parseProperties(moved(text)))
  const brokers = nodes.filter((node) => node.get('process.roles')!.includes('broker'))
  return {
    folder,
    bootstrap: brokers
      .map((node) => /PLAINTEXT:\/\/([^,]+)/.exec(node.get('listeners')!)![1])
      .join(','),
    nodes: nodes.map((node) => Number(node.get('node.id'))),
    replicas: Math.min(3, brokers.length),
  }
}

export const foremen = {
  foreman: (cwd: string) => start('foreman', ['start'], { cwd }),
  'npx nf': (cwd: string) => start(join(root, 'node_modules/.bin/nf'), ['start'], { cwd }),
}

/** kill -9 of a node: it comes back, and the others stay. */
export async function killed(program: Program, id: number) {
  const ready = new RegExp(`ready {2}node=${id} pid=(\\d+)`)
  const pidOf = (line: string) => Number(ready.exec(line)![1])
  await program.line(ready)
  const before = pidOf(program.lines.findLast((line) => ready.test(line))!)
  process.kill(before, 'SIGKILL')
  await eventually(
    `node ${id} is ready again`,
    async () => program.lines.filter((line) => ready.test(line)).map(pidOf),
    (pids) => pids.at(-1) !== before,
    60_000,
  ).catch((why: Error) => {
    const told = program.lines.filter((line) => line.includes(`node${id}.1`)).slice(-10)
    throw new Error(`${why.message}\n${told.join('\n')}`)
  })
}
