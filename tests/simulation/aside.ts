/**
 * Histories in a process of their own, as one file that may be patched: what it prints, JSON lines, is
 * what is told.
 */
import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { bundle } from './bundle.ts'
import type { Patch } from './mutants/mutant.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
/** What goes on for so long is stopped; what it printed counts. */
const limitMs = 240_000

/**
 * @param entry a module's text, with imports as from this folder
 * @param argument handed to it as JSON
 */
export async function playAside(
  entry: string,
  argument: object,
  patches: readonly Patch[] = [],
): Promise<unknown[]> {
  const code = await bundle(entry, patches)
  const child = spawn(process.execPath, ['--input-type=module', '-', JSON.stringify(argument)], {
    cwd: root,
    stdio: 'pipe',
  })
  let output = ''
  let complaint = ''
  child.stdout.on('data', (chunk) => {
    output += chunk
  })
  child.stderr.on('data', (chunk) => {
    complaint += chunk
  })
  child.stdin.on('error', () => {}) // it may end before it has read all
  child.stdin.end(code)
  const timer = setTimeout(() => child.kill('SIGKILL'), limitMs)
  return new Promise((resolve, reject) => {
    child.on('error', reject)
    child.on('close', (code) => {
      clearTimeout(timer)
      if (code !== 0 && code !== null) return reject(new Error(complaint))
      const lines = output.split('\n').filter((line) => line.startsWith('{'))
      resolve(lines.map((line): unknown => JSON.parse(line)))
    })
  })
}
