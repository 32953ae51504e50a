/** What a quorum replica keeps: votes, the metadata log, snapshots. */
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { openQuorumStore } from '../../runtime/storage/quorum-store.ts'
import { batchOf, readAll, withStorage } from './support.ts'

const raft = { leaderEpoch: 1, nowMs: 0, origin: 'raft' } as const
const vote = {
  leaderId: -1,
  leaderEpoch: 4,
  votedId: 2,
  votedDirectoryId: 'b1c2d3e4QACAAAAAAAAAAQ',
}

test('a vote outlives a crash, and is written as Kafka writes it', async () => {
  await withStorage(async ({ clock, crash, directories, folder, start }) => {
    await start()
    const store = await openQuorumStore({ directories: directories(), clock })
    assert.is(store.readState(), undefined)
    store.writeState(vote)
    const file = readFileSync(join(folder, '__cluster_metadata-0/quorum-state'), 'utf8')
    assert.is(
      file,
      '{"leaderId":-1,"leaderEpoch":4,"votedId":2,"votedDirectoryId":"b1c2d3e4QACAAAAAAAAAAQ","data_version":1}',
    )
    store.abandon()
    crash()
    await start()
    const again = await openQuorumStore({ directories: directories(), clock })
    assert.equal(again.readState(), vote)
    again.writeState({ ...vote, votedId: -1, votedDirectoryId: null })
    assert.is(again.readState()?.votedDirectoryId, null)
    writeFileSync(join(folder, '__cluster_metadata-0/quorum-state'), '')
    assert.throws(() => again.readState(), /damaged/)
    again.abandon()
  })
})

test('the metadata log is brought back whole, and is no log of the broker', async () => {
  await withStorage(async ({ clock, crash, directories, start }) => {
    await start()
    const store = await openQuorumStore({ directories: directories(), clock })
    for (let i = 0; i < 10; i++) store.log.appendAsLeader(batchOf([`record ${i}`]), raft)
    assert.is(await store.log.flush(), 10)
    const before = readAll(store.log)
    store.abandon()
    crash()
    const broker = await start()
    assert.equal([...broker.logs()], [])
    const again = await openQuorumStore({ directories: directories(), clock })
    assert.equal(readAll(again.log), before)
    assert.is(again.log.topicId, 'AAAAAAAAAAAAAAAAAAAAAQ')
    await again.closeCleanly()
  })
})

test('minority-bit-flips: a spoiled log is suspect, over restarts too, until it was fetched again', async () => {
  await withStorage(async ({ clock, crash, directories, folder, start }) => {
    await start()
    const store = await openQuorumStore({ directories: directories(), clock })
    for (let i = 0; i < 10; i++) store.log.appendAsLeader(batchOf([`record ${i}`]), raft)
    await store.log.flush()
    const all = readAll(store.log)
    assert.is(store.log.isSuspect(), false)
    store.abandon()
    crash()
    const file = join(folder, '__cluster_metadata-0', `${'0'.repeat(20)}.log`)
    const content = readFileSync(file)
    content[Math.floor(content.length * 0.45)]! ^= 4
    writeFileSync(file, content)
    for (const how of ['crash', 'clean', 'crash']) {
      await start()
      const again = await openQuorumStore({ directories: directories(), clock })
      assert.is(again.log.endOffset(), 4)
      assert.is(again.log.isSuspect(), true, 'what it acknowledged is not there')
      if (how === 'clean') await again.closeCleanly()
      else again.abandon()
      crash()
    }
    await start()
    const healed = await openQuorumStore({ directories: directories(), clock })
    const sizes = all.length / 10
    healed.log.appendAsFollower(all.subarray(sizes * 4, sizes * 8), 1)
    await healed.log.flush()
    assert.is(healed.log.isSuspect(), true, 'not all of it came again')
    healed.log.appendAsFollower(all.subarray(sizes * 8), 1)
    assert.is(healed.log.isSuspect(), true, 'it is not on disk yet')
    await healed.log.flush()
    assert.is(healed.log.isSuspect(), false)
    healed.abandon()
    crash()
    await start()
    const sound = await openQuorumStore({ directories: directories(), clock })
    assert.is(sound.log.isSuspect(), false)
    assert.equal(readAll(sound.log), all)
    await sound.closeCleanly()
  })
})

test('a clean stop vouches for the last batch, too', async () => {
  await withStorage(async ({ clock, crash, directories, folder, start }) => {
    await start()
    const store = await openQuorumStore({ directories: directories(), clock })
    for (let i = 0; i < 3; i++) store.log.appendAsLeader(batchOf([`record ${i}`]), raft)
    await store.closeCleanly()
    crash()
    const file = join(folder, '__cluster_metadata-0', `${'0'.repeat(20)}.log`)
    const content = readFileSync(file)
    writeFileSync(file, content.subarray(0, content.length - 1))
    await start()
    const again = await openQuorumStore({ directories: directories(), clock })
    assert.equal([again.log.endOffset(), again.log.isSuspect()], [2, true])
    again.abandon()
  })
})

test('a cut that its leader asked for makes no log suspect', async () => {
  await withStorage(async ({ clock, crash, directories, start }) => {
    await start()
    const store = await openQuorumStore({ directories: directories(), clock })
    for (let i = 0; i < 5; i++) store.log.appendAsLeader(batchOf([`record ${i}`]), raft)
    await store.closeCleanly()
    crash()
    await start()
    const again = await openQuorumStore({ directories: directories(), clock })
    again.log.truncateTo(2)
    again.abandon()
    crash()
    await start()
    const after = await openQuorumStore({ directories: directories(), clock })
    assert.equal([after.log.endOffset(), after.log.isSuspect()], [2, false])
    after.abandon()
  })
})

test('a folder that formatting left, with voters and no log, begins at 0', async () => {
  await withStorage(async ({ clock, directories, folder, start }) => {
    const voters = '00000000000000000000-0000000000.checkpoint'
    mkdirSync(join(folder, '__cluster_metadata-0'))
    writeFileSync(join(folder, '__cluster_metadata-0', voters), batchOf(['voters']))
    await start()
    const store = await openQuorumStore({ directories: directories(), clock })
    assert.equal(store.snapshots(), [{ offset: 0, epoch: 0 }])
    assert.is(store.log.endOffset(), 0)
    assert.ok(existsSync(join(folder, '__cluster_metadata-0/partition.metadata')))
    store.abandon()
  })
})

test('a snapshot exists once it is frozen; what a crash left half written does not', async () => {
  await withStorage(async ({ clock, crash, directories, folder, start }) => {
    await start()
    const store = await openQuorumStore({ directories: directories(), clock })
    const id = { offset: 100, epoch: 3 }
    const half = store.createSnapshot(id)
    half.append(Buffer.from('half'))
    assert.equal(store.snapshots(), [])
    const writer = store.createSnapshot(id)
    const [head, tail] = [batchOf(['whole']), batchOf(['snapshot'])]
    writer.append(head)
    writer.append(tail)
    writer.freeze()
    assert.equal(store.snapshots(), [id])
    const reader = store.openSnapshot(id)!
    assert.is(reader.sizeBytes, head.length + tail.length)
    assert.equal(reader.read(head.length, 1_000), tail)
    assert.is(store.openSnapshot({ offset: 1, epoch: 1 }), undefined)
    store.createSnapshot({ offset: 200, epoch: 3 }).append(Buffer.from('part'))
    store.abandon()
    crash()
    await start()
    const again = await openQuorumStore({ directories: directories(), clock })
    assert.equal(again.snapshots(), [id])
    assert.not(readdirSync(join(folder, '__cluster_metadata-0')).some((n) => n.endsWith('.part')))
    assert.equal([again.log.startOffset(), again.log.endOffset()], [100, 100], 'R16')
    again.abandon()
  })
})

test('a snapshot with a bit that flipped is none; where the log begins with it, it is asked for', async () => {
  await withStorage(async ({ clock, crash, directories, folder, start }) => {
    await start()
    const store = await openQuorumStore({ directories: directories(), clock })
    for (const offset of [100, 200]) {
      const writer = store.createSnapshot({ offset, epoch: 3 })
      writer.append(batchOf(['first']))
      writer.append(batchOf(['second']))
      writer.freeze()
    }
    store.abandon()
    crash()
    const pathOf = (offset: number) =>
      join(folder, '__cluster_metadata-0', `00000000000000000${offset}-0000000003.checkpoint`)
    const flip = (path: string) => {
      const bytes = readFileSync(path)
      bytes[bytes.length - 3]! ^= 4
      writeFileSync(path, bytes)
    }
    flip(pathOf(100))
    await start()
    const sound = await openQuorumStore({ directories: directories(), clock })
    assert.equal(sound.snapshots(), [{ offset: 200, epoch: 3 }])
    assert.ok(existsSync(`${pathOf(100)}.damaged`))
    assert.is(sound.log.startOffset(), 200)
    sound.abandon()
    crash()
    flip(pathOf(200))
    await start()
    try {
      await openQuorumStore({ directories: directories(), clock })
      assert.unreachable()
    } catch (why) {
      assert.match(String(why), `${pathOf(200)} is damaged`)
    }
  })
})

test('a snapshot that the log begins with and that is gone is asked for', async () => {
  await withStorage(async ({ clock, crash, directories, folder, start }) => {
    await start()
    const store = await openQuorumStore({ directories: directories(), clock })
    const writer = store.createSnapshot({ offset: 100, epoch: 3 })
    writer.append(batchOf(['first']))
    writer.freeze()
    store.log.truncateFullyAndStartAt(100)
    store.log.appendAsLeader(batchOf(['behind it']), { ...raft, leaderEpoch: 3 })
    await store.log.flush()
    store.abandon()
    crash()
    const path = join(folder, '__cluster_metadata-0')
    unlinkSync(join(path, '00000000000000000100-0000000003.checkpoint'))
    await start()
    try {
      await openQuorumStore({ directories: directories(), clock })
      assert.unreachable()
    } catch (why) {
      assert.match(String(why), `${path} begins at offset 100, and no snapshot`)
    }
  })
})

test('voters whose file is damaged are asked for', async () => {
  await withStorage(async ({ clock, directories, folder, start }) => {
    const voters = '00000000000000000000-0000000000.checkpoint'
    mkdirSync(join(folder, '__cluster_metadata-0'))
    writeFileSync(join(folder, '__cluster_metadata-0', voters), '')
    await start()
    try {
      await openQuorumStore({ directories: directories(), clock })
      assert.unreachable()
    } catch (why) {
      assert.match(String(why), `${voters} is damaged`)
    }
  })
})

test.run()
