/** Three voters on real files, in real time, and what Kafka's dump tool makes of their folders. */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { createProber } from '../../actors/probe/probe.ts'
import { type HostedQuorum, hostQuorum } from '../../actors/quorum/host.ts'
import { writeBootstrapSnapshot } from '../../actors/quorum/snapshot-file.ts'
import { systemClock } from '../../runtime/clock.ts'
import { nodeDisk } from '../../runtime/disk/node-disk.ts'
import { systemRandom } from '../../runtime/random.ts'
import { openDirectories } from '../../runtime/storage/directories.ts'
import { writeMetaProperties } from '../../runtime/storage/meta-properties.ts'
import { type OpenQuorumStore, openQuorumStore } from '../../runtime/storage/quorum-store.ts'
import { memoryNetwork } from '../../transport/links/memory.ts'
import type { MetadataRecord } from '../../transport/records/metadata.ts'
import { kafkaLibs, skipUnless } from '../support/peers.ts'
import { config, directoryOf, record, silent, voterOf } from './support/quorum-world.ts'

const clusterId = 'AAAAAAAAQACAAAAAAAAAAQ'
const ids = [1, 2, 3]
const root = mkdtempSync(join(tmpdir(), 'samsa-quorum-'))
const folderOf = (id: number) => join(root, String(id))
const metadataOf = (id: number) => join(folderOf(id), '__cluster_metadata-0')

const network = memoryNetwork({ clock: systemClock })
type Running = {
  quorum: HostedQuorum
  store: OpenQuorumStore
  told: string[]
  end(): Promise<void>
  kill(): Promise<void>
}

async function run(id: number): Promise<Running> {
  const directories = openDirectories({
    disk: nodeDisk,
    logDirs: [folderOf(id)],
    metadataLogDir: folderOf(id),
    nodeId: id,
    clusterId,
  })
  const clock = systemClock
  const store = await openQuorumStore({ directories, clock })
  if (store.snapshots().length === 0) {
    const writer = store.createSnapshot({ offset: 0, epoch: 0 })
    writeBootstrapSnapshot(writer, { voters: ids.map(voterOf), nowMs: clock.now() })
  }
  const self = { nodeId: id, incarnationId: systemRandom.uuid() }
  const link = network.link({ clusterId, self })
  const halt = (why: unknown) => {
    throw why
  }
  const quorum = hostQuorum({
    clusterId,
    self: { id, directoryId: directoryOf(id) },
    endpoints: voterOf(id).endpoints,
    store,
    log: store.log,
    link,
    clock,
    random: systemRandom,
    logger: silent,
    halt,
    config: { ...config, fetchSnapshotMaxBytes: 1024, retentionBytes: 1 },
    prober: createProber({ link, clock, random: systemRandom, intervalMs: 50, graceMs: 150, halt }),
  })
  const told: string[] = []
  const names = (records: MetadataRecord[]) =>
    records.map((each) => (each.type === 'ConfigRecord' ? each.name : each.type))
  quorum.listen({
    handleCommit: ({ records }) => void told.push(...names(records)),
    handleLoadSnapshot({ batches }) {
      told.splice(0, told.length, ...names([...batches].flat()))
    },
    handleLeaderChange() {},
  })
  await link.connect()
  await quorum.start()
  const release = () => directories.release()
  return {
    quorum,
    store,
    told,
    async end() {
      await quorum.stop()
      await link.close()
      await store.closeCleanly()
      release()
    },
    async kill() {
      quorum.abandon()
      await link.close()
      store.abandon()
      release()
    },
  }
}

async function until(holds: () => boolean): Promise<void> {
  const deadline = Date.now() + 8_000
  while (!holds()) {
    if (Date.now() > deadline) throw new Error(`not in time: ${holds}`)
    await new Promise((done) => setTimeout(done, 5))
  }
}

const nodes = new Map<number, Running>()
test.after(async () => {
  // Timers of a test that failed would keep the process.
  for (const node of nodes.values()) await node.kill()
  rmSync(root, { recursive: true })
})

test('elect, commit, snapshot, lose a leader and catch up by the snapshot', async () => {
  for (const id of ids) {
    nodeDisk.mkdir(folderOf(id))
    writeMetaProperties(nodeDisk, folderOf(id), {
      clusterId,
      nodeId: id,
      directoryId: directoryOf(id),
    })
  }
  for (const id of ids) nodes.set(id, await run(id))
  const leader = () =>
    [...nodes.values()].find(({ quorum }) => (quorum.rpc.leadership()?.highWatermark() ?? -1) >= 0)
      ?.quorum
  const append = (name: string) =>
    leader()!.append(leader()!.leaderAndEpoch().epoch, [record(name)])
  await until(() => leader() !== undefined)

  const behind = ids.find((id) => id !== leader()!.self.id)!
  await nodes.get(behind)!.kill()
  nodes.delete(behind)
  const names = Array.from({ length: 50 }, (_, index) => `r${index}`)
  let last = -1
  for (const name of names) last = append(name)
  await leader()!.committed(last)
  await until(() => [...nodes.values()].every(({ told }) => told.length === names.length))
  for (const { quorum } of nodes.values()) {
    const size = await quorum.writeSnapshot(last, 1, systemClock.now(), [names.map(record)])
    assert.ok(size! > 0)
  }

  nodes.set(behind, await run(behind))
  await until(() => nodes.get(behind)!.told.length === names.length)
  assert.is(nodes.get(behind)!.store.log.startOffset(), last + 1, 'it came by snapshot')

  const old = leader()!.self.id
  await nodes.get(old)!.kill()
  nodes.delete(old)
  await until(() => leader() !== undefined)
  await leader()!.committed(append('after'))
  nodes.set(old, await run(old))
  await until(() => nodes.get(old)!.told.at(-1) === 'after')
  for (const { told } of nodes.values()) assert.equal(told, [...names, 'after'])
  for (const node of nodes.values()) await node.end()

  for (const id of ids) nodes.set(id, await run(id))
  await until(() => leader() !== undefined)
  await until(() => [...nodes.values()].every(({ told }) => told.length === names.length + 1))
  for (const node of nodes.values()) await node.end()
  nodes.clear()
})

if (skipUnless('java', 'kafka-jars')) {
  test('Kafka reads log and snapshot', () => {
    const path = metadataOf(1)
    const files = readdirSync(path).filter((name) => /\.(log|checkpoint)$/.test(name))
    assert.ok(
      files.some((name) => /^\d{20}-\d{10}\.checkpoint$/.test(name)),
      files.join(),
    )
    const { stdout, stderr, status } = spawnSync(
      'java',
      [
        '-Xmx128m',
        '-cp',
        `${kafkaLibs}/*`,
        'org.apache.kafka.tools.DumpLogSegments',
        '--cluster-metadata-decoder',
        '--files',
        files.map((name) => join(path, name)).join(','),
      ],
      { encoding: 'utf8', maxBuffer: 16 * 1024 * 1024 },
    )
    assert.is(status, 0, stderr)
    assert.not.match(stdout, /isvalid: false|exception|corrupt/i)
    for (const type of ['SnapshotHeader', 'KRaftVersion', 'KRaftVoters', 'SnapshotFooter']) {
      assert.match(stdout, new RegExp(type))
    }
    assert.match(stdout, /LeaderChange/)
    assert.match(stdout, /"name":"r49"/)
    assert.match(stdout, /"name":"after"/)
  })
}

test.run()
