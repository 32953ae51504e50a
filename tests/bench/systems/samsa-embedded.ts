/**
 * Samsa embedded: three nodes in one process, by the library as a test would start it. Single nodes
 * are killed inside of the process; all together, with it.
 */
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { root } from '../../real/support/processes.ts'
import { freePorts, isFree } from '../../support/ports.ts'
import { endMember, startMember } from './members.ts'
import { type Cluster, properties, type System } from './system.ts'

/** What `embedded-host.js` understands and says. */
type HostRequest = { id: number; what: 'kill' | 'stop' | 'start'; node: number }
type HostAnswer = { id: number; error?: string }

const host = join(root, 'tests/bench/systems/embedded-host.js')

export const samsaEmbedded: System = {
  name: 'Samsa',
  form: 'embedded',
  async create(folder, extra = {}): Promise<Cluster> {
    mkdirSync(folder, { recursive: true })
    const first = await freePortRun()
    const given = JSON.stringify({
      brokers: 3,
      ports: first,
      dataDir: join(folder, 'data'),
      config: { ...properties, ...extra },
    })
    const begin = () =>
      startMember(
        process.execPath,
        [host, join(root, 'dist/runtime/index.js'), given],
        `${folder}/1.log`,
      )
    let member = begin()
    let asked = 0
    const tell = (what: HostRequest['what'], node: number) =>
      new Promise<void>((resolve, reject) => {
        const { child } = member
        const id = ++asked
        const hear = (answer: HostAnswer) => {
          if (answer.id !== id) return
          child.off('message', hear)
          if (answer.error === undefined) resolve()
          else reject(new Error(answer.error))
        }
        child.on('message', hear)
        child.once('exit', () => reject(new Error(`the host of ${folder} ended`)))
        child.send({ id, what, node } satisfies HostRequest)
      })
    const killAll = () => endMember(member, 'SIGKILL')
    return {
      bootstrap: [0, 1, 2].map((index) => `127.0.0.1:${first + index}`).join(','),
      pids: () => [member.child.pid!],
      async start() {
        member = begin()
      },
      kill: (node) => tell('kill', node),
      killAll,
      stopAll: () => endMember(member, 'SIGTERM'),
      stop: (node) => tell('stop', node),
      restart: (node) => tell('start', node),
      close: killAll,
    }
  },
}

/** Three ports in a row. */
async function freePortRun(): Promise<number> {
  for (;;) {
    const [first] = (await freePorts(1)) as [number]
    const [second, third] = [first + 1, first + 2]
    if ((await isFree(second)) && (await isFree(third))) return first
  }
}
