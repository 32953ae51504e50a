/** Lets a mutant loose in a process of its own, and tells which rule caught it, if any did. */
import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { bundle } from '../bundle.ts'
import type { Mutant, Patch, Seeds, Tried } from './mutant.ts'

export type MutantOutcome = {
  mutant: Mutant
  /** undefined: it survived. */
  rule: string | undefined
  words: string
  /** How many seeds it took. */
  seeds: number
  ms: number
}

const root = fileURLToPath(new URL('../../../', import.meta.url))
/** What has survived so long counts as survived. */
const limitMs = 240_000

export const enough: Seeds = { from: 1, most: 40 }

/** A scenario is bundled alone: each has all of the code of its own. */
const scenarioEntry = (name: string) => `
import { tellTried } from './mutants/tell.ts'
import { scenario } from './scenarios/${name}.ts'
import { enact } from './stage.ts'

tellTried(await enact(scenario))
process.exit()
`

export const seedsEntry = `import './mutants/seeds-child.ts'`

/**
 * What a module prints, JSON lines, in a process where the patches are.
 * @param entry handed `run` and `seeds` as JSON
 */
export async function runPatched(
  entry: string,
  { name, run }: Pick<Mutant, 'name' | 'run'>,
  patches: readonly Patch[],
  seeds: Seeds = enough,
): Promise<unknown[]> {
  const code = await bundle(entry, patches)
  const child = spawn(
    process.execPath,
    ['--input-type=module', '-', JSON.stringify({ run, seeds })],
    { cwd: root, stdio: 'pipe' },
  )
  child.stdin.on('error', () => {}) // it may end before it has read all
  child.stdin.end(code)
  let output = ''
  let complaint = ''
  child.stdout.on('data', (chunk) => {
    output += chunk
  })
  child.stderr.on('data', (chunk) => {
    complaint += chunk
  })
  const timer = setTimeout(() => child.kill('SIGKILL'), limitMs)
  return new Promise((resolve, reject) => {
    child.on('error', reject)
    child.on('close', (code) => {
      clearTimeout(timer)
      if (code !== 0 && code !== null) return reject(new Error(`${name}: ${complaint}`))
      const lines = output.split('\n').filter((line) => line.startsWith('{'))
      resolve(lines.map((line): unknown => JSON.parse(line)))
    })
  })
}

/** @param isPatched false: the same seeds against the code as it is, which must hold */
export async function runMutant(
  mutant: Mutant,
  seeds: Seeds = enough,
  isPatched = true,
): Promise<MutantOutcome> {
  const startedAt = performance.now()
  const patches = isPatched ? mutant.patches : []
  const { run } = mutant
  const entry = 'scenario' in run ? scenarioEntry(run.scenario) : seedsEntry
  const tried = (await runPatched(entry, mutant, patches, seeds)) as Tried[]
  const last = tried.at(-1)
  return {
    mutant,
    rule: last?.rule,
    words: last?.words ?? '',
    seeds: tried.length,
    ms: performance.now() - startedAt,
  }
}

export const isCaught = ({ mutant, rule }: MutantOutcome): boolean =>
  rule !== undefined && mutant.rules.includes(rule)
