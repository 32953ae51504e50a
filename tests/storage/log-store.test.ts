/** Logs of one broker over its directories: found again, removed, set aside, offline. */
import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { StorageError } from '../../actors/ports/log.ts'
import type { Disk } from '../../runtime/disk/disk.ts'
import { nodeDisk } from '../../runtime/disk/node-disk.ts'
import { openDirectories } from '../../runtime/storage/directories.ts'
import { writeMetaProperties } from '../../runtime/storage/meta-properties.ts'
import {
  append,
  batchOf,
  clusterId,
  logConfig,
  of,
  readAll,
  topicId,
  until,
  withStorage,
} from './support.ts'

const text = (...path: string[]) => readFileSync(join(...path), 'utf8')

test('a clean stop leaves the marker with the broker epoch, and the next run takes it away', async () => {
  await withStorage(async ({ folder, start, stop, crash }) => {
    const marker = join(folder, '.kafka_cleanshutdown')
    assert.is((await start()).previousBrokerEpoch(), -1)
    await stop(42)
    assert.is(text(marker), '{"version":0,"brokerEpoch":42}')
    assert.is((await start()).previousBrokerEpoch(), 42)
    assert.not(existsSync(marker))
    crash()
    assert.is((await start()).previousBrokerEpoch(), -1)
    await stop()
    writeFileSync(marker, 'garbage')
    assert.is((await start()).previousBrokerEpoch(), -1)
  })
})

test('the checkpoints read as Kafka writes them', async () => {
  await withStorage(async ({ folder, start, stop }) => {
    const store = await start()
    const log = store.create(of, topicId, logConfig)
    append(log, batchOf(['a', 'b', 'c']), 2)
    log.advanceStartOffset(1)
    await store.checkpointHighWatermarks([{ ...of, offset: 2 }])
    await store.checkpointRecoveryPoints()
    await store.checkpointLogStarts()
    assert.is(text(folder, 'replication-offset-checkpoint'), '0\n1\norders 0 2\n')
    assert.is(text(folder, 'log-start-offset-checkpoint'), '0\n1\norders 0 1\n')
    assert.is(text(folder, 'recovery-point-offset-checkpoint'), '0\n1\norders 0 0\n')
    await stop()
    assert.is(text(folder, 'recovery-point-offset-checkpoint'), '0\n1\norders 0 3\n')
    assert.is(text(folder, 'cleaner-offset-checkpoint'), '0\n0\n')
    assert.is(text(folder, 'orders-0/leader-epoch-checkpoint'), '0\n1\n2 0\n')
    assert.is(text(folder, 'orders-0/partition.metadata'), `version: 0\ntopic_id: ${topicId}`)
    const again = await start()
    assert.is(again.checkpointedHighWatermark(of), 2)
    assert.is(again.checkpointedHighWatermark({ topic: 'none', partition: 0 }), 0)
  })
})

test('a log start that was moved is found again, by the checkpoint after a crash', async () => {
  await withStorage(async ({ start, stop, crash }) => {
    const store = await start()
    append(store.create(of, topicId, logConfig), batchOf(['a', 'b', 'c', 'd']))
    store.get(of)!.advanceStartOffset(2)
    await store.checkpointLogStarts()
    crash()
    const again = (await start()).get(of)!
    assert.is(again.startOffset(), 2)
    again.advanceStartOffset(3)
    await stop()
    const log = (await start()).get(of)!
    assert.is(log.startOffset(), 3)
    assert.throws(() => log.read(2, 1000, 4, true), /offset 2/)
  })
})

test('checkpoints that were asked for together hold what was so at the last of them', async () => {
  await withStorage(async ({ folder, start }) => {
    const store = await start()
    const log = store.create(of, topicId, logConfig)
    append(log, batchOf(['a', 'b', 'c']))
    const all = [1, 2, 3].map((offset) => store.checkpointHighWatermarks([{ ...of, offset }]))
    await Promise.all(all)
    assert.is(text(folder, 'replication-offset-checkpoint'), '0\n1\norders 0 3\n')
    await log.flush()
    const writing = store.checkpointRecoveryPoints()
    log.truncateTo(0) // below what is being written: it is overtaken
    await writing
    assert.is(text(folder, 'recovery-point-offset-checkpoint'), '0\n1\norders 0 0\n')
  })
})

test('each small file in turn missing or empty: a start, or a refusal with a reason', async () => {
  await withStorage(async ({ folder, start, stop }) => {
    const log = (await start()).create(of, topicId, logConfig)
    append(log, batchOf(['a', 'b', 'c']))
    const bytes = readAll(log)
    await stop()
    const small = [
      'recovery-point-offset-checkpoint',
      'replication-offset-checkpoint',
      'log-start-offset-checkpoint',
      'cleaner-offset-checkpoint',
      '.kafka_cleanshutdown',
      'orders-0/leader-epoch-checkpoint',
      'orders-0/00000000000000000003.snapshot',
      'orders-0/00000000000000000000.index',
      'orders-0/00000000000000000000.timeindex',
    ]
    for (const name of small) {
      for (const spoil of [rmSync, (path: string) => writeFileSync(path, '')]) {
        spoil(join(folder, name))
        const found = (await start()).get(of)
        assert.equal(readAll(found!), bytes, name)
        assert.is(found?.endOffsetFor(0)?.endOffset, 3, name)
        await stop()
      }
    }
    writeFileSync(join(folder, 'meta.properties'), '')
    await refused(start(), /meta\.properties is damaged/)
    rmSync(join(folder, 'meta.properties'))
    await refused(start(), /not formatted/)
  })
})

async function refused(attempt: Promise<unknown>, why: RegExp) {
  try {
    await attempt
  } catch (error) {
    assert.match((error as Error).message, why)
    assert.is((error as Error).message.includes('\n'), false, 'one line')
    return
  }
  assert.unreachable('it was taken')
}

test('a folder that does not say whose it is is set aside', async () => {
  await withStorage(async ({ folder, start, stop }) => {
    append((await start()).create(of, topicId, logConfig), batchOf(['a']))
    await stop()
    writeFileSync(join(folder, 'orders-0/partition.metadata'), '')
    const store = await start()
    assert.is(store.get(of), undefined)
    assert.ok(readdirSync(folder).some((name) => /^orders-0\.[0-9a-f]{32}-stray$/.test(name)))
    assert.is(store.create(of, topicId, logConfig).endOffset(), 0)
  })
})

test('a removed log is gone at once, its files a little later', async () => {
  await withStorage(async ({ folder, start }) => {
    const store = await start()
    const log = store.create(of, topicId, logConfig)
    append(log, batchOf(['a']))
    const flushing = log.flush()
    store.remove(of)
    assert.is(store.get(of), undefined)
    assert.not(existsSync(join(folder, 'orders-0')))
    await flushing
    assert.throws(() => append(log, batchOf(['b'])), /a removed log/)
    const left = () => readdirSync(folder).filter((name) => name.startsWith('orders'))
    await until('its files are gone', () => left().length === 0)
    assert.ok(store.directories()[0]?.online, 'no harm to the directory')
    assert.is(store.create(of, topicId, logConfig).endOffset(), 0)
  })
})

test('many logs are removed with two syncs, none of them on the loop', async () => {
  let onLoop = 0
  let inPool = 0
  const disk: Disk = {
    ...nodeDisk,
    syncDirectory(path) {
      onLoop++
      nodeDisk.syncDirectory(path)
    },
    datasyncDirectory(path) {
      inPool++
      return nodeDisk.datasyncDirectory(path)
    },
  }
  await withStorage(
    async ({ start, folder }) => {
      const store = await start()
      const all = Array.from({ length: 50 }, (_, partition) => ({ topic: 'wide', partition }))
      for (const each of all) store.create(each, topicId, logConfig)
      onLoop = 0
      for (const each of all) store.remove(each)
      assert.is(onLoop, 0)
      await until('they are synced', () => inPool === 2)
      assert.not(readdirSync(folder).some((name) => /^wide-\d+$/.test(name)))
    },
    { disk },
  )
})

test('names that a killed run had made are synced before what is written under them counts', async () => {
  const synced: string[] = []
  const disk: Disk = {
    ...nodeDisk,
    datasyncDirectory(path) {
      synced.push(path)
      return nodeDisk.datasyncDirectory(path)
    },
  }
  await withStorage(
    async ({ folder, start, crash }) => {
      const before = (await start()).create(of, topicId, logConfig)
      append(before, batchOf(['a']))
      // So that the epochs, which sync their folder, are not news.
      await before.flush()
      crash()
      synced.length = 0
      const log = (await start()).get(of)!
      append(log, batchOf(['b']))
      await log.flush()
      assert.equal([...new Set(synced)].sort(), [folder, join(folder, 'orders-0')])
    },
    { disk },
  )
})

test('what a stop left to delete is deleted by the next run', async () => {
  await withStorage(async ({ folder, start, stop }) => {
    const store = await start()
    append(store.create(of, topicId, logConfig), batchOf(['a']))
    store.remove(of)
    await stop()
    assert.ok(readdirSync(folder).some((name) => name.endsWith('-delete')))
    await start()
    const left = () => readdirSync(folder).filter((name) => name.endsWith('-delete'))
    await until('they are gone', () => left().length === 0)
  })
})

test('logs spread over directories, and go where they are told to', async () => {
  await withStorage(
    async ({ start, stop }) => {
      const store = await start()
      const [first, second] = store.directories()
      const at = (partition: number, directoryId?: string) =>
        store.create({ topic: 'orders', partition }, topicId, logConfig, directoryId).directoryId
      assert.equal([at(0), at(1)], [first?.id, second?.id])
      assert.is(at(2, second?.id), second?.id)
      assert.is(at(3), first?.id)
      await stop()
      assert.is([...(await start()).logs()].length, 4)
    },
    { names: ['one', 'two'] },
  )
})

test('more logs than file handles, more bytes than the cache: all is there', async () => {
  await withStorage(
    async ({ start, stop }) => {
      const config = { segmentBytes: 2000, indexIntervalBytes: 200 }
      const store = await start(config)
      const logs = [0, 1, 2, 3, 4].map((partition) =>
        store.create({ topic: 'orders', partition }, topicId, { ...logConfig, ...config }),
      )
      const sent = logs.map(() => [] as Buffer[])
      for (let i = 0; i < 60; i++) {
        for (const [n, log] of logs.entries()) {
          const batch = batchOf([`${n} ${i}`.repeat(10)])
          append(log, batch, i >> 4)
          sent[n]!.push(Buffer.from(batch))
          if (i % 7 === n) void log.flush()
        }
      }
      for (const [n, log] of logs.entries()) assert.equal(readAll(log), Buffer.concat(sent[n]!))
      await stop()
      const again = [...(await start(config)).logs()]
      assert.is(again.length, 5)
      for (const log of again) assert.equal(readAll(log), Buffer.concat(sent[log.partition]!))
    },
    { openFilesMax: 3, tailBytesMax: 500 },
  )
})

test('a directory is used by one at a time, in this process and among processes', async () => {
  await withStorage(async ({ folder, start, crash }) => {
    await start()
    const options = { disk: nodeDisk, logDirs: [folder], nodeId: 1 }
    assert.throws(() => openDirectories(options), /is in use by process \d+: stop it/)
    const tryLock = (exit: string) => {
      const code = `
        import { nodeDisk } from './runtime/disk/node-disk.ts'
        const lock = nodeDisk.lock(${JSON.stringify(join(folder, '.lock'))})
        console.log(typeof lock === 'string' ? lock : 'taken')
        ${exit}`
      const argv = ['--import', 'tsx', '--input-type=module', '-e', code]
      return spawnSync(process.execPath, argv, { encoding: 'utf8' }).stdout.trim()
    }
    assert.is(tryLock(''), `process ${process.pid}`)
    crash()
    assert.is(tryLock('process.kill(process.pid, "SIGKILL")'), 'taken')
    openDirectories(options).release() // its holder is dead
    writeFileSync(join(folder, '.lock'), '') // as Kafka leaves it
    openDirectories(options).release()
    assert.not(existsSync(join(folder, '.lock')))
  })
})

test('directories of another node or cluster are refused', async () => {
  await withStorage(async ({ folder }) => {
    const options = { disk: nodeDisk, logDirs: [folder], nodeId: 1, clusterId }
    assert.throws(() => openDirectories({ ...options, nodeId: 2 }), /belongs to node 1/)
    const other = 'BBBBBBBBQACAAAAAAAAAAQ'
    assert.throws(() => openDirectories({ ...options, clusterId: other }), /belongs to cluster/)
    const second = `${folder}-2`
    const directoryId = 'CCCCCCCCQACAAAAAAAAAAQ'
    writeMetaProperties(nodeDisk, second, { clusterId: other, nodeId: 1, directoryId })
    const { disk, nodeId } = options
    const both = { disk, nodeId, logDirs: [folder, second] }
    assert.throws(() => openDirectories(both), /of two clusters/)
    openDirectories(options).release()
  })
})

/** A disk whose calls fail, once told to, where the path or the call says so. */
function failing(): { disk: Disk; fail: { write?: boolean; sync?: boolean } } {
  const fail: { write?: boolean; sync?: boolean } = {}
  const error = (code: string) => Object.assign(new Error(code), { code })
  const disk: Disk = {
    ...nodeDisk,
    write(fd, bytes, position) {
      if (fail.write) {
        nodeDisk.write(fd, bytes.subarray(0, bytes.length >> 1), position)
        throw error('ENOSPC')
      }
      nodeDisk.write(fd, bytes, position)
    },
    async datasync(fd) {
      if (fail.sync) throw error('EIO')
      await nodeDisk.datasync(fd)
    },
  }
  return { disk, fail }
}

test('a failed write acknowledges nothing and takes its directory offline, once', async () => {
  const { disk, fail } = failing()
  await withStorage(
    async ({ start, crash }) => {
      const store = await start()
      const failed: string[] = []
      store.onDirectoryFailure(({ id }) => failed.push(id))
      const [first, second] = store.directories()
      const log = store.create(of, topicId, logConfig, first?.id)
      const other = store.create({ topic: 'other', partition: 0 }, topicId, logConfig, second?.id)
      append(log, batchOf(['a']))
      fail.write = true
      assert.throws(
        () => append(log, batchOf(['b'])),
        (e: Error) => e instanceof StorageError,
      )
      fail.write = false
      assert.throws(() => append(log, batchOf(['b'])), /offline|failed/, 'it stays so')
      assert.is(log.endOffset(), 1)
      assert.equal(failed, [first?.id])
      assert.is(store.get(of), undefined)
      assert.equal(
        store.directories().map(({ online }) => online),
        [false, true],
      )
      append(other, batchOf(['goes on']))
      crash()
      const again = await start()
      assert.is(again.get(of)?.endOffset(), 1, 'the torn tail is cut')
      assert.is(again.get(other)?.endOffset(), 1)
    },
    { disk, names: ['one', 'two'] },
  )
})

test('what lay in a failed directory is made anew in another, when it is another topic', async () => {
  const { disk, fail } = failing()
  await withStorage(
    async ({ start }) => {
      const store = await start()
      const [first, second] = store.directories()
      const log = store.create(of, topicId, logConfig, first?.id)
      fail.write = true
      assert.throws(() => append(log, batchOf(['a'])))
      fail.write = false
      const again = store.create(of, 'c1c2d3e4QACAAAAAAAAAAQ', logConfig)
      assert.is(again.directoryId, second?.id)
      append(again, batchOf(['b']))
      assert.is(store.get(of), again)
      store.remove(of)
      assert.is(store.get(of), undefined)
    },
    { disk, names: ['one', 'two'] },
  )
})

test('a directory that fails at the start is left out, the others go on', async () => {
  await withStorage(
    async ({ start, directories }) => {
      const store = await start()
      assert.is(store.directories().length, 1)
      assert.match(directories().failed[0]?.why ?? '', /EIO/)
      append(store.create(of, topicId, logConfig), batchOf(['a']))
    },
    {
      names: ['one', 'two'],
      disk: {
        ...nodeDisk,
        readFile(path) {
          if (path.includes('/two/')) throw new Error('EIO')
          return nodeDisk.readFile(path)
        },
      },
    },
  )
})

test('a failed sync is final: a later one proves nothing (S6)', async () => {
  const { disk, fail } = failing()
  await withStorage(
    async ({ folder, start, stop }) => {
      const store = await start()
      const log = store.create(of, topicId, logConfig)
      await log.flush()
      append(log, batchOf(['a']))
      fail.sync = true
      const [first, second] = await Promise.allSettled([log.flush(), log.flush()])
      assert.equal([first?.status, second?.status], ['rejected', 'rejected'])
      fail.sync = false
      await refused(log.flush(), /EIO/)
      assert.is(log.recoveryPoint(), 0)
      await stop()
      assert.not(existsSync(join(folder, '.kafka_cleanshutdown')))
    },
    { disk },
  )
})

test.run()
