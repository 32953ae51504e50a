/** Clusters as users start them: embedded by `samsa start`, or a process a node over a NATS server. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePorts } from '../../support/ports.ts'
import { last, type Program, root, run, start } from './processes.ts'

const samsa = ['--import', 'tsx/esm', join(root, 'runtime/cli/samsa.ts')]

/** `samsa start` on ports that the system chooses. */
export async function startEmbedded(...args: string[]) {
  const program = last(start(process.execPath, [...samsa, 'start', '--port', '0', ...args]))
  const ready = await program.line(/^ready/, 60_000)
  const bootstrap = /bootstrap\.servers=(\S+)/.exec(ready)?.[1]
  if (bootstrap === undefined) throw new Error(`no bootstrap.servers in: ${ready}`)
  return {
    program,
    bootstrap,
    async stop() {
      await program.stop()
      const told = program.errors.filter((line) => /"level":[45]0/.test(line))
      if (told.length > 0) console.log(told.slice(0, 20).join('\n'))
    },
  }
}

export type NodeProcess = {
  id: number
  roles: string
  port: number | undefined
  file: string
  program: Program | undefined
  start(): void
  /** kill -9 */
  kill(): Promise<void>
  /** SIGTERM: a controlled shutdown. */
  stop(): Promise<number | null>
}

export type ProcessCluster = {
  folder: string
  bootstrap: string
  /** Of the controller listeners. */
  controllers: string
  nodes: NodeProcess[]
  node(id: number): NodeProcess
  nats: { port: number; start(): Promise<void>; kill(): Promise<void> }
  close(): Promise<void>
}

type Layout = { id: number; roles: 'broker' | 'controller' | 'broker,controller' }

/** Formats and starts one process a node, over a NATS server of its own. */
export async function startProcesses(
  layout: Layout[],
  config: Record<string, string> = {},
): Promise<ProcessCluster> {
  const folder = mkdtempSync(join(tmpdir(), 'samsa-real-'))
  const [natsPort, ...ports] = await freePorts(1 + 2 * layout.length)
  let nats: Program | undefined
  const startNats = async () => {
    nats = last(start('nats-server', ['-a', '127.0.0.1', '-p', String(natsPort)]))
    await reachable(natsPort!)
  }
  await startNats()

  const voters = layout.filter(({ roles }) => roles.includes('controller'))
  const controllerPort = (id: number) => ports[2 * layout.findIndex((node) => node.id === id) + 1]!
  const nodes = layout.map(({ id, roles }, index): NodeProcess => {
    const port = ports[2 * index]!
    const listeners = []
    if (roles.includes('broker')) listeners.push(`PLAINTEXT://127.0.0.1:${port}`)
    if (roles.includes('controller')) listeners.push(`CONTROLLER://127.0.0.1:${controllerPort(id)}`)
    const file = join(folder, `${id}.properties`)
    const properties: Record<string, string> = {
      'process.roles': roles,
      'node.id': String(id),
      listeners: listeners.join(','),
      'controller.listener.names': 'CONTROLLER',
      'controller.quorum.bootstrap.servers': voters
        .map((voter) => `127.0.0.1:${controllerPort(voter.id)}`)
        .join(','),
      'log.dirs': join(folder, `data-${id}`),
      'nats.servers': `127.0.0.1:${natsPort}`,
      'group.initial.rebalance.delay.ms': '0',
      'offsets.topic.replication.factor': String(
        Math.min(3, layout.filter((node) => node.roles.includes('broker')).length),
      ),
      ...config,
    }
    const text = Object.entries(properties).map(([name, value]) => `${name}=${value}\n`)
    writeFileSync(file, text.join(''))
    const node: NodeProcess = {
      id,
      roles,
      port: roles.includes('broker') ? port : undefined,
      file,
      program: undefined,
      start() {
        node.program = last(start(process.execPath, [...samsa, 'node', file]))
      },
      async kill() {
        node.program?.child.kill('SIGKILL')
        await node.program?.exited
      },
      stop: async () => (await node.program?.stop()) ?? null,
    }
    return node
  })

  const files = nodes.flatMap(({ file }) => ['-c', file])
  const alone = nodes.length === 1 ? ['--standalone'] : []
  await run(process.execPath, [
    ...samsa,
    ...['format', '-t', 'AAAAAAAAQACAAAAAAAAAAQ', ...alone, ...files],
  ])
  for (const node of nodes) node.start()

  const cluster: ProcessCluster = {
    folder,
    bootstrap: nodes
      .filter(({ port }) => port !== undefined)
      .map(({ port }) => `127.0.0.1:${port}`)
      .join(','),
    controllers: voters.map((voter) => `127.0.0.1:${controllerPort(voter.id)}`).join(','),
    nodes,
    node: (id) => nodes.find((node) => node.id === id)!,
    nats: {
      port: natsPort!,
      start: startNats,
      async kill() {
        nats?.child.kill('SIGKILL')
        await nats?.exited
      },
    },
    async close() {
      await Promise.all(nodes.map((node) => node.kill()))
      await nats?.stop()
      rmSync(folder, { recursive: true, force: true })
    },
  }
  return cluster
}

export const combined = (count: number): Layout[] =>
  Array.from({ length: count }, (_, index) => ({ id: index + 1, roles: 'broker,controller' }))

async function reachable(port: number) {
  const { connect } = await import('node:net')
  for (let tries = 0; tries < 100; tries++) {
    const open = await new Promise<boolean>((resolve) => {
      const socket = connect(port, '127.0.0.1', () => {
        socket.destroy()
        resolve(true)
      })
      socket.on('error', () => resolve(false))
    })
    if (open) return
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  throw new Error(`nothing listens on port ${port}`)
}
