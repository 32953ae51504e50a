/** A NATS server of our own for a test: a free port, a temporary configuration, killed and restarted at will. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePorts } from '../support/ports.ts'
import { until, within } from './patience.ts'

export type NatsServer = {
  url: string
  kill(): Promise<void>
  /** Other further lines of its configuration, from its next start. */
  configure(more: string): void
  /** Nothing where it runs; a paused one goes on. */
  start(): Promise<void>
  /** Resolves when it stands still. */
  pause(): Promise<void>
  resume(): void
  stop(): Promise<void>
}

const program = ['nats-server', '/usr/sbin/nats-server'].find(
  (path) => spawnSync(path, ['--version']).status === 0,
)

/** Whether there is a server to test with; in CI there must be. */
export function hasNatsServer(): boolean {
  if (program !== undefined) return true
  if (process.env['CI'] === 'true') throw new Error('CI needs nats-server to test the NATS link')
  console.log('nats-server is not installed: the NATS link is not tested')
  return false
}

/** @param more further lines of its configuration */
export async function natsServer(maxPayload = 1024 * 1024, more = ''): Promise<NatsServer> {
  const [port = 0] = await freePorts(1)
  const folder = mkdtempSync(join(tmpdir(), 'samsa-nats-'))
  const file = join(folder, 'nats.conf')
  const configure = (further: string) =>
    writeFileSync(file, `host: 127.0.0.1\nport: ${port}\nmax_payload: ${maxPayload}\n${further}\n`)
  configure(more)
  let child: ChildProcess | undefined

  const start = async () => {
    if (child !== undefined && !hasEnded(child)) return void child.kill('SIGCONT')
    const started = spawn(program!, ['-c', file], { stdio: 'ignore' })
    child = started
    await until(() => {
      if (hasEnded(started))
        throw new Error(`nats-server ended: ${started.exitCode ?? started.signalCode}`)
      return answers(port)
    })
  }
  const kill = async () => {
    if (child === undefined || hasEnded(child)) return
    const ended = new Promise((resolve) => child?.once('exit', resolve))
    child.kill('SIGKILL')
    await within('nats-server ends', ended)
  }
  await start()
  return {
    url: `nats://127.0.0.1:${port}`,
    start,
    kill,
    configure,
    async pause() {
      child?.kill('SIGSTOP')
      await until(() => standsStill(child?.pid ?? 0))
    },
    resume: () => child?.kill('SIGCONT'),
    async stop() {
      await kill()
      rmSync(folder, { recursive: true })
    },
  }
}

const hasEnded = ({ exitCode, signalCode }: ChildProcess): boolean =>
  exitCode !== null || signalCode !== null

/** A signal stops thread after thread: the last may serve a while longer. */
function standsStill(pid: number): boolean {
  const tasks = `/proc/${pid}/task`
  if (!existsSync(tasks)) return true // Linux tells, others do not
  return readdirSync(tasks).every((task) => {
    const stat = readFileSync(join(tasks, task, 'stat'), 'latin1')
    return stat.slice(stat.lastIndexOf(')') + 2).startsWith('T')
  })
}

const answers = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => resolve(true))
    socket.on('error', () => resolve(false))
    socket.once('data', () => socket.destroy())
  })
