/** What a quorum replica keeps: votes, the metadata log, snapshots. */
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
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

test('a folder that formatting left, with voters and no log, begins at 0', async () => {
  await withStorage(async ({ clock, directories, folder, start }) => {
    const voters = '00000000000000000000-0000000000.checkpoint'
    mkdirSync(join(folder, '__cluster_metadata-0'))
    writeFileSync(join(folder, '__cluster_metadata-0', voters), 'voters')
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
    writer.append(Buffer.from('whole '))
    writer.append(Buffer.from('snapshot'))
    writer.freeze()
    assert.equal(store.snapshots(), [id])
    const reader = store.openSnapshot(id)!
    assert.is(reader.sizeBytes, 14)
    assert.is(reader.read(6, 100).toString(), 'snapshot')
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

test.run()
