/** Child processes for scenarios with real programs: started, read line by line, ended for certain. */
import { type ChildProcess, spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

export const root = fileURLToPath(new URL('../../../', import.meta.url))

export type Program = {
  child: ChildProcess
  lines: string[]
  errors: string[]
  /** Resolves with the first line (past or future) of standard output that matches. */
  line(pattern: RegExp, timeoutMs?: number): Promise<string>
  exited: Promise<number | null>
  /** SIGTERM, then SIGKILL after twenty seconds. */
  stop(): Promise<number | null>
}

const running = new Set<ChildProcess>()
const lasting = new WeakSet<ChildProcess>()
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL')
})

/** Outlives its scenario: who starts it ends it. */
export function last(program: Program): Program {
  lasting.add(program.child)
  return program
}

/** Ends what the scenario left running. */
export async function endScenario(): Promise<void> {
  const left = [...running].filter((child) => !lasting.has(child))
  const ended = left.map((child) => new Promise((resolve) => child.once('close', resolve)))
  for (const child of left) child.kill('SIGKILL')
  await Promise.race([Promise.all(ended), sleep(10_000)])
}

export function start(
  command: string,
  args: string[],
  options: { cwd?: string; env?: NodeJS.ProcessEnv; input?: string | Buffer } = {},
): Program {
  const child = spawn(command, args, {
    cwd: options.cwd ?? root,
    env: { ...process.env, ...options.env },
    stdio: ['pipe', 'pipe', 'pipe'],
  })
  running.add(child)
  const lines: string[] = []
  const errors: string[] = []
  const waiting = new Set<() => void>()
  collect(child.stdout!, lines, () => {
    for (const look of waiting) look()
  })
  collect(child.stderr!, errors, () => {})
  child.stdin!.on('error', () => {})
  if (options.input !== undefined) child.stdin!.end(options.input)
  const exited = new Promise<number | null>((resolve, reject) => {
    child.on('error', reject)
    child.on('close', (code) => {
      running.delete(child)
      resolve(code)
      for (const look of waiting) look()
    })
  })
  exited.catch(() => {})

  return {
    child,
    lines,
    errors,
    exited,
    line: (pattern, timeoutMs = 30_000) =>
      new Promise((resolve, reject) => {
        const failed = (why: string) =>
          reject(
            new Error(
              `${why} for ${pattern} from ${command} ${args.join(' ')}\n${lines.slice(-20).join('\n')}\n${errors.slice(-20).join('\n')}`,
            ),
          )
        const look = () => {
          const found = lines.find((line) => pattern.test(line))
          if (found === undefined && child.exitCode === null && child.signalCode === null) return
          waiting.delete(look)
          clearTimeout(timer)
          if (found !== undefined) resolve(found)
          else failed(`ended with ${child.exitCode ?? child.signalCode} while waiting`)
        }
        const timer = setTimeout(() => {
          waiting.delete(look)
          failed(`${timeoutMs} ms passed while waiting`)
        }, timeoutMs)
        waiting.add(look)
        look()
      }),
    stop: () => {
      if (child.exitCode === null && child.signalCode === null) {
        child.kill('SIGTERM')
        const timer = setTimeout(() => child.kill('SIGKILL'), 20_000)
        exited.finally(() => clearTimeout(timer)).catch(() => {})
      }
      return exited
    },
  }
}

function collect(stream: NodeJS.ReadableStream, into: string[], told: () => void) {
  let rest = ''
  stream.setEncoding('utf8')
  stream.on('data', (chunk: string) => {
    const parts = (rest + chunk).split('\n')
    rest = parts.pop()!
    if (parts.length === 0) return
    for (const part of parts) into.push(part)
    told()
  })
  stream.on('end', () => {
    if (rest !== '') into.push(rest)
    told()
  })
}

/** Runs a program to its end. Fails with its output unless it exits with 0. */
export async function run(
  command: string,
  args: string[],
  options: {
    cwd?: string
    env?: NodeJS.ProcessEnv
    input?: string | Buffer
    timeoutMs?: number
  } = {},
): Promise<string[]> {
  const program = start(command, args, { input: '', ...options })
  const timeoutMs = options.timeoutMs ?? 120_000
  const timer = setTimeout(() => program.child.kill('SIGKILL'), timeoutMs)
  const code = await program.exited
  clearTimeout(timer)
  if (code !== 0) {
    throw new Error(
      `${command} ${args.join(' ')} ended with ${code ?? program.child.signalCode}\n${program.lines.slice(-30).join('\n')}\n${program.errors.slice(-30).join('\n')}`,
    )
  }
  return program.lines
}

/** VmRSS, as Linux tells it. */
export function residentBytes({ child }: Program): number {
  const status = readFileSync(`/proc/${child.pid}/status`, 'utf8')
  return Number(/VmRSS:\s+(\d+)/.exec(status)![1]) * 1024
}

export const sleep = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms))

/** Asks until it is so; the last answer is in the failure. */
export async function eventually<T>(
  what: string,
  ask: () => Promise<T>,
  good: (answer: T) => boolean,
  timeoutMs = 30_000,
): Promise<T> {
  const deadline = performance.now() + timeoutMs
  let last: unknown
  while (performance.now() < deadline) {
    try {
      const answer = await ask()
      if (good(answer)) return answer
      last = answer
    } catch (why) {
      last = why
    }
    await sleep(100)
  }
  throw new Error(
    `${what}: not within ${timeoutMs} ms; last: ${last instanceof Error ? last.message : JSON.stringify(last)}`,
  )
}
