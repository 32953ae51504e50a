/** Apache Kafka itself: one combined node in one JVM, formatted, on ports of its own. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePorts } from '../../support/ports.ts'
import { java, kafkaLibs } from '../support/kafka-tools.ts'
import { last, sleep, start } from '../support/processes.ts'

/** Features that we have not built: off in Kafka, too, so that it answers without them. */
const lacking = [
  'eligible.leader.replicas.version',
  'group.version',
  'share.version',
  'streams.version',
  'transaction.version',
]

export async function startKafka(config: Record<string, string>) {
  const folder = mkdtempSync(join(tmpdir(), 'samsa-differential-'))
  const [port, controllerPort] = (await freePorts(2)) as [number, number]
  const file = join(folder, 'server.properties')
  const properties = {
    'process.roles': 'broker,controller',
    'node.id': '1',
    listeners: `PLAINTEXT://127.0.0.1:${port},CONTROLLER://127.0.0.1:${controllerPort}`,
    'controller.listener.names': 'CONTROLLER',
    'controller.quorum.bootstrap.servers': `127.0.0.1:${controllerPort}`,
    'log.dirs': join(folder, 'data'),
    ...config,
  }
  const lines = Object.entries(properties).map(([name, value]) => `${name}=${value}\n`)
  writeFileSync(file, lines.join(''))
  await java('kafka.tools.StorageTool', [
    'format',
    '-t',
    'AAAAAAAAQACAAAAAAAAAAQ',
    '--standalone',
    ...lacking.flatMap((feature) => ['--feature', `${feature}=0`]),
    '-c',
    file,
  ])
  const heap = process.env.KAFKA_HEAP?.split(' ') ?? ['-Xmx384m']
  const program = last(
    start('java', [
      ...[...heap, '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1'],
      ...['-cp', `${kafkaLibs}/*`, 'kafka.Kafka', file],
    ]),
  )
  const stop = async () => {
    program.child.kill('SIGKILL')
    await program.exited
    rmSync(folder, { recursive: true, force: true })
  }
  for (let tries = 0; !(await accepts(port)); tries++) {
    if (tries > 600 || program.child.exitCode !== null) {
      await stop()
      throw new Error(`Kafka did not start\n${program.lines.slice(-30).join('\n')}`)
    }
    await sleep(100)
  }
  return { port, stop, lines: program.lines }
}

const accepts = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => {
      socket.destroy()
      resolve(true)
    })
    socket.on('error', () => resolve(false))
  })
