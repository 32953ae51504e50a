/**
 * Apache Kafka 4.3.0: three JVMs with the options that its start script gives them. Without a
 * logging configuration it writes errors only, which spares it the work.
 */
import { randomBytes } from 'node:crypto'
import { run } from '../../real/support/processes.ts'
import { kafkaLibs } from '../../support/peers.ts'
import { createMembers } from './members.ts'
import { writeNodeFiles } from './node-files.ts'
import { type Cluster, clusterId, nodeIds, type System } from './system.ts'

const classPath = ['-cp', `${kafkaLibs}/*`]
const options = [
  ...['-Xms1G', '-Xmx1G', '-server', '-XX:+UseG1GC', '-XX:MaxGCPauseMillis=20'],
  ...['-XX:InitiatingHeapOccupancyPercent=35', '-XX:+ExplicitGCInvokesConcurrent'],
  ...['-XX:MaxInlineLevel=15', '-Djava.awt.headless=true'],
]

export const kafka: System = {
  name: 'Kafka',
  form: 'processes',
  async create(folder, extra = {}): Promise<Cluster> {
    const { files, bootstrap, controllers } = await writeNodeFiles(folder, {
      'listener.security.protocol.map': 'CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT',
      'inter.broker.listener.name': 'PLAINTEXT',
      ...extra,
    })
    const voters = controllers.map((at, index) => `${nodeIds[index]}@${at}:${directoryId()}`)
    const args = ['format', '-t', clusterId, '--initial-controllers', voters.join(',')]
    const format = (file: string) =>
      run('java', [...classPath, 'kafka.tools.StorageTool', ...args, '-c', file])
    await Promise.all(files.map(format))
    const argsOf = (id: number) => [...options, ...classPath, 'kafka.Kafka', files[id - 1]!]
    const members = createMembers('java', argsOf, folder)
    members.startAll()
    return {
      bootstrap,
      pids: members.pids,
      start: async () => members.startAll(),
      kill: members.kill,
      killAll: members.killAll,
      stop: members.stop,
      stopAll: members.stopAll,
      restart: async (id) => members.start(id),
      close: members.killAll,
    }
  },
}

/** A Kafka uuid in its text form: 16 bytes in base64url, not led by a dash. */
const directoryId = (): string => `A${randomBytes(16).toString('base64url').slice(1, 21)}g`
