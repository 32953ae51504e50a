/** The load generator: built once from `load/` (Go, franz-go), then run once for each measurement. */
import { existsSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { root, run } from '../real/support/processes.ts'

const source = join(root, 'tests/bench/load')
const binary = join(root, '.cache/bench/load')

export type LoadAnswer = { failed: number; clientCpu: number } & Record<string, number>

export async function buildLoad(): Promise<void> {
  const files = ['main.go', 'go.mod', 'go.sum'].map((name) => statSync(join(source, name)).mtimeMs)
  if (existsSync(binary) && statSync(binary).mtimeMs > Math.max(...files)) return
  await run('go', ['build', '-o', binary, '.'], { cwd: source, timeoutMs: 600_000 })
}

/** @throws what the generator says; records that failed are an error, too */
export async function load(
  bootstrap: string,
  command: string,
  flags: Record<string, string | number>,
  timeoutMs = 600_000,
): Promise<LoadAnswer> {
  const args = Object.entries(flags).flatMap(([name, value]) => [`-${name}`, String(value)])
  const lines = await run(binary, [command, '-b', bootstrap, ...args], { timeoutMs })
  const answer = JSON.parse(lines.at(-1)!) as LoadAnswer
  if (answer.failed > 0) throw new Error(`${command}: ${answer.failed} records failed`)
  return answer
}
