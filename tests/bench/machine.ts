/** What the figures were measured on. */
import { execFileSync } from 'node:child_process'
import { cpus, release, totalmem, type } from 'node:os'

export type Machine = {
  cpu: string
  cores: number
  memoryGb: number
  system: string
  node: string
  java: string
  nats: string
}

export const describeMachine = (): Machine => ({
  cpu: cpus()[0]?.model ?? 'unknown',
  cores: cpus().length,
  memoryGb: Math.round(totalmem() / 2 ** 30),
  system: `${type()} ${release()}`,
  node: process.version,
  java: firstLine('java', ['-version']),
  nats: firstLine('nats-server', ['--version']),
})

function firstLine(program: string, args: string[]): string {
  try {
    // `java -version` speaks to standard error.
    const text = execFileSync('sh', ['-c', `${[program, ...args].join(' ')} 2>&1`])
    return text.toString().split('\n')[0] ?? ''
  } catch {
    return 'not here'
  }
}
