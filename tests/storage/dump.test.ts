/** Kafka's own dump tool reads what we wrote, and finds nothing to complain about. */
import { spawnSync } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { openQuorumStore } from '../../runtime/storage/quorum-store.ts'
import { kafkaLibs, skipUnless } from '../support/peers.ts'
import { append, batchOf, logConfig, of, topicId, withStorage } from './support.ts'

const small = { segmentBytes: 20_000, indexIntervalBytes: 500 }

function dump(files: string[], ...more: string[]): string {
  const { stdout, stderr, status } = spawnSync(
    'java',
    [
      '-Xmx256m',
      '-cp',
      `${kafkaLibs}/*`,
      'org.apache.kafka.tools.DumpLogSegments',
      '--files',
      files.join(','),
      ...more,
    ],
    { encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 },
  )
  assert.is(status, 0, stderr)
  return stdout
}

const complaints = /mismatch|corrupt|non-secutive|not found|error|invalid|exception/i

if (skipUnless('java', 'kafka-jars')) {
  test('logs, indexes and producer snapshots', async () => {
    await withStorage(async ({ folder, start, stop }) => {
      const log = (await start()).create(of, topicId, { ...logConfig, ...small })
      for (let i = 0; i < 400; i++) {
        const values = Array.from({ length: 3 }, (_, n) => `value ${i} ${n}`.repeat(i % 7))
        const producer = { producerId: 1000 + (i % 2), producerEpoch: 0 }
        const baseSequence = Math.floor(i / 2) * 3
        const time = 1_700_000_000_000 + ((i * 37) % 400) * 1000
        append(log, batchOf(values, { ...producer, baseSequence, time }), Math.floor(i / 100))
      }
      await stop()
      const path = join(folder, 'orders-0')
      const named = (suffix: string) =>
        readdirSync(path)
          .filter((name) => name.endsWith(suffix))
          .map((name) => join(path, name))
      assert.ok(named('.log').length >= 3)
      const all = ['.log', '.index', '.timeindex', '.snapshot'].flatMap(named)
      const said = dump(all, '--deep-iteration')
      assert.not.match(said, complaints)
      assert.is(said.match(/^\| offset: /gm)?.length, 1200)
      assert.match(said, /producerId: 1001 .*lastSequence: 599/)
      const sane = dump(named('.index'), '--index-sanity-check')
      assert.is(sane.match(/passed sanity check/g)?.length, named('.index').length)
    })
  })

  test('a compacted log: gaps, tombstones with a delete horizon, emptied and repacked batches', async () => {
    await withStorage(async ({ clock, folder, start, stop }) => {
      const config = { ...logConfig, ...small, cleanupPolicy: ['compact' as const] }
      const log = (await start()).create(of, topicId, config)
      const codecs = ['none', 'gzip', 'snappy', 'lz4', 'zstd'] as const
      for (let i = 0; i < 400; i++) {
        const time = 1_700_000_000_000 + ((i * 37) % 400) * 1000
        const keyed = Array.from({ length: 5 }, (_, n) => ({
          key: Buffer.from(`key ${(i * 7 + n) % 90}`),
          value: (i + n) % 9 === 0 ? null : Buffer.from(`value ${i} ${n}`.repeat(i % 7)),
          timestamp: time + n,
        }))
        const producer = { producerId: 1000 + (i % 50 === 0 ? i : 0), producerEpoch: 0 }
        append(
          log,
          batchOf([], {
            ...producer,
            baseSequence: producer.producerId > 1000 ? 0 : (i - Math.ceil(i / 50)) * 5,
            compression: codecs[i % 5]!,
            records: keyed,
          }),
          Math.floor(i / 100),
        )
      }
      log.roll()
      await log.flush()
      const limits = { mapBytesMax: 1e6, mapLoadFactor: 0.9, bytesPerSecondMax: Number.MAX_VALUE }
      await log.clean(2000, clock.now(), limits)
      await stop()
      const path = join(folder, 'orders-0')
      const files = readdirSync(path)
        .filter((name) => /\.(log|index|timeindex|snapshot)$/.test(name))
        .map((name) => join(path, name))
      const said = dump(files, '--deep-iteration')
      assert.not.match(said, complaints)
      assert.is(said.match(/^\| offset: /gm)?.length, 90)
      assert.match(said, /deleteHorizonMs: OptionalLong\[1/)
      assert.match(said, /count: 0 /)
      for (const codec of codecs) assert.match(said, new RegExp(`compresscodec: ${codec}`, 'i'))
      const indexes = files.filter((name) => name.endsWith('.index'))
      assert.is(
        dump(indexes, '--index-sanity-check').match(/passed sanity check|is empty/g)?.length,
        indexes.length,
      )
    })
  })

  test('the metadata log', async () => {
    await withStorage(async ({ clock, directories, folder, start }) => {
      await start()
      const store = await openQuorumStore({ directories: directories(), clock })
      for (let i = 0; i < 5; i++) {
        const how = { leaderEpoch: 1, nowMs: 0, origin: 'raft' } as const
        store.log.appendAsLeader(batchOf([`record ${i}`]), how)
      }
      await store.closeCleanly()
      const path = join(folder, '__cluster_metadata-0')
      const files = readdirSync(path).filter((name) =>
        /\.(log|index|timeindex|snapshot)$/.test(name),
      )
      const said = dump(files.map((name) => join(path, name)))
      assert.not.match(said, complaints)
      assert.match(said, /lastOffset: 4 .*partitionLeaderEpoch: 1/)
    })
  })
}

test.run()
