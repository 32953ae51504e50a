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

/** A command line each: to format, and to run. */
export async function kafkaCommands(folder: string, extra: Record<string, string> = {}) {
  const { files, bootstrap, controllers } = await writeNodeFiles(folder, {
    'listener.security.protocol.map': 'CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT',
    'inter.broker.listener.name': 'PLAINTEXT',
    ...extra,
  })
  const voters = controllers.map((at, index) => `${nodeIds[index]}@${at}:${directoryId()}`)
  const format = files.map((file) => [
    ...['java', ...classPath, 'kafka.tools.StorageTool', 'format', '-t', clusterId],
    ...['--initial-controllers', voters.join(','), '-c', file],
  ])
  const server = files.map((file) => ['java', ...options, ...classPath, 'kafka.Kafka', file])
  return { format, server, bootstrap }
}

export const kafka: System = {
  name: 'Kafka',
  form: 'processes',
  async create(folder, extra): Promise<Cluster> {
    const { format, server, bootstrap } = await kafkaCommands(folder, extra)
    await Promise.all(format.map(([java, ...args]) => run(java!, args)))
    const members = createMembers('java', (id) => server[id - 1]!.slice(1), folder)
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
