/** Lets a mutant loose in a process of its own, and tells which rule caught it, if any did. */
import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
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
const beside = (name: string) => fileURLToPath(new URL(name, import.meta.url))
/** What has survived so long counts as survived. */
const limitMs = 240_000

export const enough: Seeds = { from: 1, most: 40 }

/**
 * What a script of this folder prints, JSON lines, in a process where the patches are.
 * @param script handed `run` and `seeds` as JSON
 */
export function runPatched(
  script: string,
  { name, run }: Pick<Mutant, 'name' | 'run'>,
  patches: readonly Patch[],
  seeds: Seeds = enough,
): Promise<unknown[]> {
  const loader = patches.length > 0 ? ['--import', new URL('patch.mjs', import.meta.url).href] : []
  const child = spawn(
    process.execPath,
    [...loader, '--import', 'tsx/esm', beside(script), JSON.stringify({ run, seeds })],
    {
      cwd: root,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, MUTANT: JSON.stringify(patches) },
    },
  )
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
  const tried = (await runPatched('child.ts', mutant, patches, seeds)) as Tried[]
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
