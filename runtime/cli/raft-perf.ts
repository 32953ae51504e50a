/**
 * `samsa raft-perf`: three voters of a metadata quorum and nothing else, under records of a given size
 * and rate; how many are committed a second, and how long a commit takes.
 *
 * What Kafka's `kafka.tools.TestRaftServer` measures, with the same words for the same options.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import Table from 'cli-table3'
import pc from 'picocolors'
import { nodeConfig } from '../config/config.ts'
import { UserError } from '../config/user-error.ts'
import { formatNodes } from '../format/format.ts'
import { startInProcess } from '../raft-perf/in-process.ts'
import { startInProcesses } from '../raft-perf/in-processes.ts'
import type { LoadPlan } from '../raft-perf/load.ts'
import type { Measured, PerfQuorum } from '../raft-perf/quorum.ts'
import { letHeapGrow } from './heap.ts'

export type RaftPerfOptions = {
  recordSize: number
  throughput: number
  linger: number
  seconds: number
  warmUp: number
  nats?: string
  data?: string
  json?: boolean
}

const electedWithinMs = 20_000

/** @throws UserError, or what a voter failed with */
export async function raftPerf(options: RaftPerfOptions): Promise<void> {
  letHeapGrow()
  const folder = folderOf(options.data)
  try {
    const quorum = await startQuorum(options, folder)
    try {
      const broken = quorum.failed.then((why): never => {
        throw why
      })
      await Promise.race([measure(quorum, options), broken])
    } finally {
      await quorum.close()
    }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** Below it a folder of our own, which is removed afterwards. */
function folderOf(parent = tmpdir()): string {
  mkdirSync(parent, { recursive: true })
  return mkdtempSync(join(resolve(parent), 'samsa-raft-'))
}

function startQuorum(options: RaftPerfOptions, folder: string): Promise<PerfQuorum> {
  const { recordSize, throughput, linger: lingerMs, nats } = options
  const plan: LoadPlan = { recordSize, throughput, lingerMs }
  const properties = [1, 2, 3].map(
    (id) =>
      new Map([
        ['process.roles', 'controller'],
        ['node.id', String(id)],
        ['controller.listener.names', 'CONTROLLER'],
        ['log.dirs', join(folder, String(id))],
        ...(nats === undefined ? [] : [['nats.servers', nats] as const]),
      ]),
  )
  const nodes = properties.map(nodeConfig)
  const { clusterId } = formatNodes(nodes, {}, Date.now())
  if (nats === undefined) return startInProcess({ nodes, clusterId }, plan)
  const files = properties.map((of) => {
    const file = join(folder, `${of.get('node.id')}.properties`)
    writeFileSync(file, [...of].map(([name, value]) => `${name}=${value}\n`).join(''))
    return file
  })
  return startInProcesses(files, plan)
}

async function measure(quorum: PerfQuorum, options: RaftPerfOptions): Promise<void> {
  const tell = (event: string, fields: object, line: string) => {
    if (options.json) console.log(JSON.stringify({ event, ...fields }))
    else console.error(pc.dim(line))
  }
  await firstCommit(quorum)
  tell('warming', { pids: quorum.pids }, `three voters; ${options.warmUp} s of load to warm up`)
  await sleep(options.warmUp * 1_000)
  await quorum.begin()
  const before = await quorum.figures()
  tell('measuring', {}, `measuring ${options.seconds} s`)
  await sleep(options.seconds * 1_000)
  const measured = await quorum.figures()
  if (measured === undefined || measured.epoch !== before?.epoch) {
    throw new UserError('the leadership moved while it was measured; run it again')
  }
  if (options.json) tell('measured', summary(measured, options), '')
  else console.log(table(measured, options))
}

async function firstCommit(quorum: PerfQuorum): Promise<void> {
  const until = performance.now() + electedWithinMs
  while (((await quorum.figures())?.records ?? 0) === 0) {
    if (performance.now() > until) {
      throw new UserError(
        `nothing was committed within ${electedWithinMs / 1_000} s; with --nats, does the server run?`,
      )
    }
    await sleep(20)
  }
}

function summary(measured: Measured, { recordSize, throughput, linger, nats }: RaftPerfOptions) {
  const { records, seconds, batches, cpuSeconds, p50, p75, p99, p999 } = measured
  return {
    form: nats === undefined ? 'one process' : 'three processes',
    recordSize,
    throughput,
    lingerMs: linger,
    records,
    seconds,
    recordsPerSecond: records / seconds,
    recordsPerBatch: batches === 0 ? 0 : records / batches,
    ...{ p50, p75, p99, p999, cpuSeconds },
  }
}

function table(measured: Measured, options: RaftPerfOptions): string {
  const { form, recordSize, recordsPerSecond, recordsPerBatch, ...of } = summary(measured, options)
  const rows = new Table({
    style: { head: [], border: ['grey'] },
    chars: { mid: '', 'left-mid': '', 'mid-mid': '', 'right-mid': '' },
  })
  const wanted = of.throughput === 0 ? 'as many as possible' : whole(of.throughput)
  rows.push(
    ['voters', `3 in ${form}, each fsyncs before it counts`],
    ['records', `${recordSize} B, ${wanted} a second wanted`],
    ['append linger', `${of.lingerMs} ms`],
    [pc.bold('committed'), pc.bold(`${whole(recordsPerSecond)} records/s`)],
    ['', `${((recordsPerSecond * recordSize) / 1e6).toFixed(2)} MB/s`],
    ['records a batch', recordsPerBatch.toFixed(1)],
    [pc.bold('commit latency p50'), pc.bold(`${of.p50} ms`)],
    ['p75', `${of.p75} ms`],
    [pc.bold('p99'), pc.bold(`${of.p99} ms`)],
    ['p99.9', `${of.p999} ms`],
    ['CPU', `${(of.cpuSeconds / of.seconds).toFixed(2)} cores`],
  )
  return rows.toString()
}

const whole = (value: number): string => Math.round(value).toLocaleString('en')
