/**
 * Software that some suites need beside Node: whether it is here, and saying so when it is not.
 *
 * A suite that skips prints a line `SKIP <reason>`; the runner counts it, and with CI=true it is a
 * failure. `tests/peers/install.sh` brings all of them.
 */

import { spawnSync } from 'node:child_process'
import { accessSync, constants, existsSync } from 'node:fs'
import { homedir } from 'node:os'
import { delimiter, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../..', import.meta.url))

/** Kafka's own jars, as `tests/peers/kafka.sh` fetches them. */
export const kafkaLibs =
  process.env['KAFKA_LIBS'] ??
  join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'kafka-4.3.0')

/** Node 24 and @platformatic/kafka; outside `node_modules`, where they would shadow our own. */
export const peersFolder = join(root, '.cache/peers')
export const node24 = join(peersFolder, 'node_modules/node/bin/node')

function inPath(program: string): boolean {
  return (process.env['PATH'] ?? '').split(delimiter).some((folder) => {
    try {
      accessSync(join(folder, program), constants.X_OK)
      return true
    } catch {
      return false
    }
  })
}

const found = {
  kcat: () => inPath('kcat'),
  'nats-server': () => inPath('nats-server') || existsSync('/usr/sbin/nats-server'),
  java: () => inPath('java'),
  go: () => inPath('go'),
  'kafka-jars': () => existsSync(join(kafkaLibs, 'kafka_2.13-4.3.0.jar')),
  'python-librdkafka': () =>
    spawnSync('/usr/bin/python3', ['-c', 'import confluent_kafka']).status === 0,
  foreman: () => inPath('foreman'),
  node24: () => existsSync(node24),
  'platformatic-kafka': () =>
    existsSync(join(peersFolder, 'node_modules/@platformatic/kafka/package.json')),
}

export type Peer = keyof typeof found

/** True when all are here; else says which are missing, and how to get them. */
export function skipUnless(...peers: Peer[]): boolean {
  const missing = peers.filter((peer) => !found[peer]())
  if (missing.length === 0) return true
  console.log(`SKIP needs ${missing.join(', ')}: tests/peers/install.sh brings it`)
  return false
}
