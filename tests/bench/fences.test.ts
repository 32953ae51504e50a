/** A fencing counts as false when nobody had ended the broker, whatever side it is on. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { encodeDataBatch } from '../../actors/quorum/data-records.ts'
import { watched } from './fences.ts'
import type { Cluster, System } from './systems/system.ts'

const fencing = (brokerId: number, offset: number): Buffer =>
  encodeDataBatch({
    baseOffset: offset,
    leaderEpoch: 1,
    timestampMs: Date.now(),
    records: [
      {
        type: 'BrokerRegistrationChangeRecord',
        ...{ brokerId, brokerEpoch: 7, fenced: 1, inControlledShutdown: 0 },
        ...{ logDirs: [], cordonedLogDirs: null },
      },
    ],
  })

const nothing = async () => {}
const cluster: Cluster = {
  bootstrap: '',
  pids: () => [],
  ...{ start: nothing, kill: nothing, killAll: nothing, stop: nothing },
  ...{ restart: nothing, stopAll: nothing, close: nothing },
}
const system: System = { name: 'Kafka', form: 'processes', create: async () => cluster }

test('who was killed may be fenced, who runs may not', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'samsa-fences-'))
  const { system: seen, fences } = watched(system)
  const running = await seen.create(folder)
  await running.kill(1)
  // Two nodes have the same log, and one of them a torn end.
  const log = Buffer.concat([fencing(1, 0), fencing(2, 1)])
  for (const node of ['data-1', 'data-2']) {
    const directory = join(folder, node, '__cluster_metadata-0')
    mkdirSync(directory, { recursive: true })
    writeFileSync(join(directory, '0.log'), Buffer.concat([log, log.subarray(0, 30)]))
  }
  await running.close()
  assert.equal(fences, { wanted: 1, false: 1 })
  rmSync(folder, { recursive: true })
})

test.run()
