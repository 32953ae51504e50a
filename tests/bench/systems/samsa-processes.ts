/** Samsa as `foreman start` runs it: a process a node, and the NATS server that they meet at. */
import { join } from 'node:path'
import { root, run } from '../../real/support/processes.ts'
import { freePorts } from '../../support/ports.ts'
import { createMembers, endMember, startMember } from './members.ts'
import { writeNodeFiles } from './node-files.ts'
import { type Cluster, clusterId, type System } from './system.ts'

export const samsaCli = join(root, 'dist/runtime/cli/samsa.js')

export const samsaProcesses: System = {
  name: 'Samsa',
  form: 'processes',
  async create(folder, extra = {}): Promise<Cluster> {
    const [port] = await freePorts(1)
    const { files, bootstrap } = await writeNodeFiles(folder, {
      'nats.servers': `127.0.0.1:${port}`,
      ...extra,
    })
    const startNats = () =>
      startMember('nats-server', ['-a', '127.0.0.1', '-p', String(port)], `${folder}/nats.log`)
    let nats = startNats()
    const endNats = () => endMember(nats, 'SIGKILL')
    await run(process.execPath, [
      ...[samsaCli, 'format', '-t', clusterId],
      ...files.flatMap((file) => ['-c', file]),
    ])
    const argsOf = (id: number) => [samsaCli, 'node', files[id - 1]!]
    const members = createMembers(process.execPath, argsOf, folder)
    members.startAll()
    return {
      bootstrap,
      pids: () => [...members.pids(), nats.child.pid!],
      async start() {
        nats = startNats()
        members.startAll()
      },
      kill: members.kill,
      async killAll() {
        await members.killAll()
        await endNats()
      },
      async stopAll() {
        await members.stopAll()
        await endNats()
      },
      stop: members.stop,
      restart: async (id) => members.start(id),
      async close() {
        await members.killAll()
        await endNats()
      },
    }
  },
}
