/** The loader publishes what is committed, wholly or not at all, and stops at what it cannot apply. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { layeredConfig } from '../../actors/config/layered-config.ts'
import { InvariantError } from '../../actors/invariant.ts'
import type { Logger } from '../../actors/log.ts'
import type { MetadataDelta } from '../../actors/metadata/image.ts'
import { createLoader } from '../../actors/metadata/loader.ts'
import { StorageError } from '../../actors/ports/log.ts'
import type { MetadataRecord } from '../../transport/records/metadata.ts'
import { history } from './histories.ts'

const silent: Logger = { debug() {}, info() {}, warn() {}, error() {}, child: () => silent }

function loading() {
  const faults: unknown[] = []
  const written: { offset: number; records: MetadataRecord[] }[] = []
  const size = { bytes: 0, ms: 0 }
  const known = { highWatermark: 0 }
  let finish = () => {}
  let refuse = (_: Error) => {}
  const loader = createLoader({
    quorum: {
      highWatermark: () => known.highWatermark,
      sinceSnapshot: () => size,
      writeSnapshot: (offset, _epoch, _timestampMs, slices) =>
        new Promise((resolve, reject) => {
          refuse = reject
          finish = () => {
            written.push({ offset, records: [...slices].flat() })
            resolve(1)
          }
        }),
    },
    config: layeredConfig(new Map([['metadata.max.idle.interval.ms', '0']])),
    log: silent,
    fault: (why) => faults.push(why),
  })
  const published: { offset: number; delta: MetadataDelta }[] = []
  loader.listen(({ offset }, delta) => published.push({ offset, delta }))
  let next = 0
  const commit = (...records: MetadataRecord[]) => {
    const baseOffset = next
    next += Math.max(1, records.length)
    loader.handleCommit({
      baseOffset,
      lastOffset: next - 1,
      epoch: 1,
      appendTimestampMs: 0,
      sizeBytes: 1,
      records,
    })
  }
  return {
    loader,
    commit,
    published,
    faults,
    written,
    size,
    known,
    finish: () => finish(),
    refuse: (why: Error) => refuse(why),
  }
}

const topic = history([{ kind: 2, a: 0, b: 0, c: 1 }])[0]!
const topicId = (topic[0] as { topicId: string }).topicId
const remove: MetadataRecord = { type: 'RemoveTopicRecord', topicId }

test('each committed batch is published with what it changed', () => {
  const { commit, published } = loading()
  commit()
  commit(...topic)
  commit(remove)
  assert.is(published[0]!.delta.fromSnapshot, true, 'at first everything is new')
  assert.equal(
    published.map(({ offset }) => offset),
    [0, 3, 4],
  )
  assert.equal([...published[1]!.delta.changedPartitions], [[topicId, new Set([0, 1])]])
  assert.equal(
    [...published[2]!.delta.deletedTopics],
    [[topicId, { name: 'plain', partitions: 2 }]],
  )
})

test('nothing is published before all is replayed that is known to be committed', () => {
  const { commit, published, known, loader } = loading()
  known.highWatermark = 5
  commit()
  commit(...topic)
  const late: boolean[] = []
  loader.listen((_, { fromSnapshot }) => late.push(fromSnapshot))
  assert.equal([published, late], [[], []])
  commit(remove)
  assert.equal(
    published.map(({ offset, delta }) => [offset, delta.fromSnapshot]),
    [[4, true]],
  )
  known.highWatermark = 9
  commit()
  assert.equal([published.length, late], [2, [true, false]])
})

test('R17: a metadata transaction is visible at its end or not at all', () => {
  const { loader, commit, published } = loading()
  commit({ type: 'BeginTransactionRecord', name: 'x' })
  commit(...topic)
  assert.is(loader.image().topicCount(), 0)
  assert.equal(published, [])
  commit({ type: 'AbortTransactionRecord', reason: null })
  assert.is(loader.image().topicCount(), 0)
  commit({ type: 'BeginTransactionRecord', name: 'x' })
  commit(...topic, { type: 'EndTransactionRecord' })
  assert.is(loader.image().topicCount(), 1)
  assert.is(published.length, 2)
  assert.is(loader.image().topicByName('plain')?.partitionCount(), 2)
})

test('M3: what cannot be applied is reported; nothing is published or written after it', () => {
  const { loader, commit, published, faults, size } = loading()
  commit(...topic)
  size.bytes = 2 ** 31
  commit({ type: 'RemoveTopicRecord', topicId: 'z'.repeat(22) })
  commit(remove)
  assert.is(faults.length, 1)
  assert.is(published.length, 1)
  assert.is(loader.image().topicCount(), 1)
})

test('a snapshot is asked for when the log is large, one at a time, never inside a transaction', async () => {
  const { commit, written, size, finish } = loading()
  size.bytes = 20 * 1024 * 1024
  commit({ type: 'BeginTransactionRecord', name: null })
  commit(...topic)
  assert.equal(written, [])
  commit({ type: 'EndTransactionRecord' })
  commit(remove)
  finish()
  await Promise.resolve()
  assert.is(written.length, 1)
  assert.is(written[0]!.offset, 4)
  assert.equal(
    written[0]!.records.map(({ type }) => type),
    ['TopicRecord', 'PartitionRecord', 'PartitionRecord'],
  )
})

test('a snapshot is asked for when the last one is old', async () => {
  const { commit, written, size, finish } = loading()
  Object.assign(size, { bytes: 1, ms: 3_599_999 })
  commit(...topic)
  finish()
  size.ms = 3_600_000
  commit(remove)
  finish()
  await Promise.resolve()
  assert.equal(
    written.map(({ offset }) => offset),
    [3],
  )
})

test('a loaded snapshot replaces all, names the topics that are gone, and is told to who comes late', () => {
  const { loader, commit, published } = loading()
  commit(...topic)
  const steps = loader.handleLoadSnapshot({
    lastContainedOffset: 40,
    lastContainedEpoch: 2,
    lastContainedTimestampMs: 7,
    sizeBytes: 1,
    batches: ['other', 'another'].map((name) => [
      { type: 'TopicRecord', name, topicId: name.padEnd(22, 'A') },
    ]),
  })
  const before = published.length
  for (let step = 0; step < 2; step++) {
    steps.next()
    assert.is(published.length, before, 'nothing is told of a half')
    assert.is(loader.image().topicByName('other'), undefined)
  }
  assert.is(steps.next().done, true)
  const { offset, delta } = published.at(-1)!
  assert.equal([offset, delta.fromSnapshot], [40, true])
  assert.equal([...delta.deletedTopics.keys()], [topicId])
  assert.ok(loader.image().topicByName('other'))
  const late: boolean[] = []
  loader.listen((_, { fromSnapshot }) => late.push(fromSnapshot))
  assert.equal(late, [true])
})

test('a snapshot that breaks an invariant is a fault; one that the disk refuses is not', async () => {
  const { commit, faults, size, refuse } = loading()
  size.bytes = 1e9
  commit(...topic)
  refuse(new StorageError('/data', 'ENOSPC'))
  await new Promise(setImmediate)
  assert.equal(faults, [])
  commit()
  const why = new InvariantError('R16: a snapshot holds only what is committed')
  refuse(why)
  await new Promise(setImmediate)
  assert.equal(faults, [why])
})

test.run()
