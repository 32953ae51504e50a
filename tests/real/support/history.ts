/** Holds what a producer was told against what a consumer reads: nothing missing, twice or out of order. */
import * as assert from 'uvu/assert'
import { kcatRead, python } from './kafka-tools.ts'
import type { Program } from './processes.ts'

export type Acknowledged = { p: number; o: number; v: string; t: number }

/** An idempotent librdkafka producer at a steady rate, until `finish`. */
export function startProducer(bootstrap: string, topic: string, partitions: number, rate: number) {
  const program = python('producer.py', [bootstrap, topic, String(partitions), String(rate)])
  return {
    program,
    acknowledged: () => acknowledged(program),
    async finish(): Promise<Acknowledged[]> {
      program.child.stdin!.end()
      await program.exited
      const last = JSON.parse(program.lines.at(-1) ?? '{}')
      const refused = program.lines.filter((line) => line.includes('"refused"'))
      assert.equal(refused, [], 'the producer was refused nothing')
      assert.is(last.done, true, program.errors.join('\n'))
      assert.is(last.unknown, 0, 'everything sent was acknowledged')
      return acknowledged(program)
    },
  }
}

function acknowledged(program: Program): Acknowledged[] {
  return program.lines.filter((line) => line.includes('"o"')).map((line) => JSON.parse(line))
}

/** The longest time in which no partition of `partitions` had a write acknowledged, in ms. */
export function longestGap(acks: Acknowledged[], partition?: number): number {
  const times = acks.filter(({ p }) => partition === undefined || p === partition).map(({ t }) => t)
  let gap = 0
  for (let i = 1; i < times.length; i++) gap = Math.max(gap, times[i]! - times[i - 1]!)
  return gap
}

/** Reads all back with another client and compares: O5, O6, O7, O10 and O11. */
export async function assertNothingLost(bootstrap: string, topic: string, acks: Acknowledged[]) {
  const read = new Map<number, { o: number; v: string }[]>()
  for (const line of await kcatRead(bootstrap, topic, '%p %o %s\\n')) {
    const [p, o, v] = line.split(' ')
    const partition = read.get(Number(p)) ?? []
    read.set(Number(p), partition)
    partition.push({ o: Number(o), v: v! })
  }
  const byPartition = new Map<number, Acknowledged[]>()
  for (const ack of acks) {
    const list = byPartition.get(ack.p) ?? []
    byPartition.set(ack.p, list)
    list.push(ack)
  }
  for (const [partition, list] of byPartition) {
    const found = read.get(partition) ?? []
    const sequence = found.map(({ v }) => Number(v.split(':')[1]))
    const expected = Array.from({ length: list.length }, (_, i) => i)
    const wrong = expected.findIndex((value, i) => sequence[i] !== value)
    assert.is(
      wrong,
      -1,
      `partition ${partition}: position ${wrong} holds ${sequence.slice(Math.max(0, wrong - 2), wrong + 3)} of ${sequence.length}, ${list.length} acknowledged`,
    )
    assert.is(sequence.length, list.length, `partition ${partition}: as many as were acknowledged`)
    const at = new Map(found.map(({ o, v }) => [o, v]))
    for (const { o, v } of list) {
      if (o >= 0) assert.is(at.get(o), v, `partition ${partition}, offset ${o}`)
    }
  }
}
