/**
 * The quorum alone, three voters a side: Kafka's own `kafka.tools.TestRaftServer` in three JVMs, and
 * `samsa raft-perf`, in one process or in three over a NATS server.
 *
 * Kafka's server tells bytes a second over its last 30 to 60 seconds, and of latencies p75, p99 and
 * p99.9, of which none above 249 ms: it has bins up to there.
 */
import { randomBytes } from 'node:crypto'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Program, start } from '../../real/support/processes.ts'
import { kafkaLibs } from '../../support/peers.ts'
import { freePorts } from '../../support/ports.ts'
import { cpuSeconds } from '../gauge.ts'
import type { Measures } from '../workloads/workload.ts'
import { samsaCli } from './samsa-processes.ts'
import { type Form, nodeIds } from './system.ts'

export type RaftLoad = {
  recordSize: number
  /** Records a second. */
  throughput: number
  lingerMs: number
  warmUpSeconds: number
  seconds: number
}

/** A JVM, its classes and an election, on a machine that does other things, too. */
const firstCommitMs = 240_000

export async function kafkaRaft(folder: string, load: RaftLoad): Promise<Measures> {
  const ports = await freePorts(nodeIds.length)
  const voters = nodeIds.map((id, index) => `${id}@127.0.0.1:${ports[index]}`).join(',')
  const servers = nodeIds.map((id, index) => {
    const logs = join(folder, `data-${id}`)
    const file = join(folder, `${id}.properties`)
    mkdirSync(logs, { recursive: true })
    const properties = {
      'process.roles': 'controller',
      'node.id': id,
      'controller.quorum.voters': voters,
      listeners: `CONTROLLER://127.0.0.1:${ports[index]}`,
      'controller.listener.names': 'CONTROLLER',
      'listener.security.protocol.map': 'CONTROLLER:PLAINTEXT',
      'controller.quorum.append.linger.ms': load.lingerMs,
      'log.dirs': logs,
    }
    const lines = Object.entries(properties).map(([name, value]) => `${name}=${value}\n`)
    writeFileSync(file, lines.join(''))
    const directoryId = `A${randomBytes(16).toString('base64url').slice(1, 21)}g`
    return start('java', [
      ...['-Xmx1G', '-Xms1G', '-server', '-XX:+UseG1GC', '-cp', `${kafkaLibs}/*`],
      ...['kafka.tools.TestRaftServer', '--config', file, '--replica-directory-id', directoryId],
      ...['--throughput', String(load.throughput), '--record-size', String(load.recordSize)],
    ])
  })
  try {
    await Promise.race(servers.map((server) => server.line(/^Throughput/, firstCommitMs)))
    await sleep(load.warmUpSeconds * 1_000)
    const pids = servers.map(({ child }) => child.pid!)
    const before = cpuSeconds(pids)
    await sleep(load.seconds * 1_000)
    const cores = (cpuSeconds(pids) - before) / load.seconds
    const { bytes, ...latencies } = longestLeader(servers).lines.map(statsOf).findLast(isThere)!
    return { throughput: bytes / load.recordSize / 1e3, ...latencies, cores }
  } finally {
    for (const { child } of servers) child.kill('SIGKILL')
    await Promise.all(servers.map(({ exited }) => exited))
  }
}

/** Only who leads tells. */
const longestLeader = (servers: Program[]): Program =>
  servers.reduce((most, server) => (server.lines.length > most.lines.length ? server : most))

type Stats = { bytes: number; p75: number; p99: number; p999: number }

function statsOf(line: string): Stats | undefined {
  const [, ...found] =
    /^Throughput \(bytes\/second\): ([\d.]+), Latency \(ms\): ([\d.]+) p75 ([\d.]+) p99 ([\d.]+) p999/.exec(
      line,
    ) ?? []
  const [bytes, p75, p99, p999] = found.map(Number)
  return bytes === undefined ? undefined : { bytes, p75: p75!, p99: p99!, p999: p999! }
}

const isThere = (stats: Stats | undefined): stats is Stats => stats !== undefined

export async function samsaRaft(folder: string, form: Form, load: RaftLoad): Promise<Measures> {
  const nats = form === 'processes' ? await startNats() : undefined
  try {
    const perf = start(process.execPath, [
      ...[samsaCli, 'raft-perf', '--json', '--data', folder],
      ...['--record-size', String(load.recordSize), '--throughput', String(load.throughput)],
      ...['--linger', String(load.lingerMs), '--warm-up', String(load.warmUpSeconds)],
      ...['--seconds', String(load.seconds)],
      ...(nats === undefined ? [] : ['--nats', nats.at]),
    ])
    const longMs = 60_000 + (load.warmUpSeconds + load.seconds) * 1_000
    const { pids } = JSON.parse(await perf.line(/"warming"/, longMs)) as { pids: number[] }
    if (nats !== undefined) pids.push(nats.program.child.pid!)
    await perf.line(/"measuring"/, longMs)
    const before = cpuSeconds(pids)
    const measured = JSON.parse(await perf.line(/"measured"/, longMs)) as Record<string, number>
    const cores = (cpuSeconds(pids) - before) / load.seconds
    await perf.exited
    const { recordsPerSecond, p75, p99, p999 } = measured
    return { throughput: recordsPerSecond! / 1e3, p75: p75!, p99: p99!, p999: p999!, cores }
  } finally {
    await nats?.program.stop()
  }
}

async function startNats(): Promise<{ program: Program; at: string }> {
  const [port] = await freePorts(1)
  const program = start('nats-server', ['-a', '127.0.0.1', '-p', String(port)])
  return { program, at: `127.0.0.1:${port}` }
}
