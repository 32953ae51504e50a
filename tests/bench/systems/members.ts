/** The processes of one cluster, by node id: started, ended in each way, and counted. */
import { type ChildProcess, spawn } from 'node:child_process'
import { appendFileSync } from 'node:fs'
import { nodeIds } from './system.ts'

type Member = { child: ChildProcess; exited: Promise<void> }

const alive = new Set<ChildProcess>()
process.on('exit', () => {
  for (const child of alive) child.kill('SIGKILL')
})

/** What it says goes to a file, so that a pipe never holds it up. */
export function startMember(command: string, args: string[], logFile: string): Member {
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe', 'ipc'] })
  alive.add(child)
  const keep = (chunk: Buffer) => appendFileSync(logFile, chunk)
  child.stdout!.on('data', keep)
  child.stderr!.on('data', keep)
  const exited = new Promise<void>((resolve) => {
    child.on('error', (why) => {
      appendFileSync(logFile, `${why.message}\n`)
      resolve()
    })
    child.on('exit', () => {
      alive.delete(child)
      resolve()
    })
  })
  return { child, exited }
}

/** Controlled shutdown of the last nodes waits for a quorum that is gone: not for ever. */
const stopTimeoutMs = 30_000

export async function endMember(
  { child, exited }: Member,
  signal: 'SIGKILL' | 'SIGTERM',
): Promise<void> {
  child.kill(signal)
  const timer = setTimeout(() => child.kill('SIGKILL'), stopTimeoutMs)
  await exited
  clearTimeout(timer)
}

export function createMembers(command: string, argsOf: (id: number) => string[], folder: string) {
  const members = new Map<number, Member>()

  const start = (id: number) =>
    void members.set(id, startMember(command, argsOf(id), `${folder}/${id}.log`))

  async function end(id: number, signal: 'SIGKILL' | 'SIGTERM'): Promise<void> {
    const member = members.get(id)
    if (member === undefined) return
    members.delete(id)
    await endMember(member, signal)
  }

  return {
    start,
    startAll: () => nodeIds.forEach(start),
    kill: (id: number) => end(id, 'SIGKILL'),
    stop: (id: number) => end(id, 'SIGTERM'),
    killAll: async () => void (await Promise.all(nodeIds.map((id) => end(id, 'SIGKILL')))),
    stopAll: async () => void (await Promise.all(nodeIds.map((id) => end(id, 'SIGTERM')))),
    pids: () => [...members.values()].map(({ child }) => child.pid!),
  }
}
