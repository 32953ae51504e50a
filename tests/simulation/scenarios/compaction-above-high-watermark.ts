import { errorCodes } from '../../../transport/protocol/errors.ts'
import { batches } from '../../../transport/records/batch.ts'
import { records } from '../../../transport/records/records.ts'
import { createTopic } from '../client.ts'
import type { SimNode } from '../cluster.ts'
import { produceTo } from '../raw-produce.ts'
import { quietScript, type Scenario } from '../stage.ts'

const topic = 'compacted'
const key = 'k'
const filler = 'x'.repeat(300_000)

/** All values of the key on its disk, in order. */
function valuesOn({ disk }: SimNode): string[] {
  const found: string[] = []
  for (const path of [...disk.files()].sort()) {
    if (!path.includes(`/${topic}-0/`) || !path.endsWith('.log')) continue
    const bytes = Buffer.from(disk.file(path)!.data)
    for (const at of batches(bytes)) {
      for (const each of records(bytes, at)) {
        if (String(each.key) === key) found.push(String(each.value))
      }
    }
  }
  return found
}

export const scenario: Scenario = {
  lesson:
    'KAFKA-13194, S9: a key has a committed value and, above the high watermark, in segments that are ' +
    'full, a newer one. The cleaner runs, the leader dies, the newer one is gone: the committed stands.',
  script: quietScript(52, { controllers: 3, config: { 'log.cleaner.backoff.ms': '500' } }),
  async play(stage) {
    const { cluster } = stage
    const client = stage.client('keyed')
    const configs = {
      'cleanup.policy': 'compact',
      'segment.bytes': '1048576',
      'min.cleanable.dirty.ratio': '0.01',
      'flush.messages': '1',
    }
    const wanted = { name: topic, partitions: 1, replicationFactor: -1, configs }
    const made = createTopic(client, { ...wanted, replicas: [[1, 2, 3]] }, 20_000)
    stage.require(await stage.within(21_000, 'it is created', made), 'the topic is there')
    const leader = cluster.node(1)
    let fillers = 0
    async function put(acks: -1 | 1, named: string, value: string): Promise<void> {
      const batch = { topic, partition: 0, acks, records: [{ key: named, value }] }
      const sent = produceTo(client, leader.address, batch)
      const { error } = await stage.within(9_000, 'it is answered', sent)
      stage.require(error === errorCodes.NONE, 'it is taken', { error })
    }
    async function fill(acks: -1 | 1, count: number): Promise<void> {
      for (let each = 0; each < count; each++) await put(acks, `filler-${fillers++}`, filler)
    }
    await stage.pass(500)
    await put(-1, key, 'committed')
    await fill(-1, 4)
    stage.intercept(({ to, what }) => what === 'Fetch' && to === leader.id)
    await stage.pass(700)
    await put(1, key, 'never committed')
    await fill(1, 8)
    await stage.pass(3_000)
    const before = valuesOn(leader)
    stage.require(before.includes('committed'), 'the committed value is not cleaned away', before)
    stage.act({ do: 'kill', node: leader.id, forMs: 15_000 })
    stage.intercept(() => false)
    const state = () => cluster.newestImage()!.topicByName(topic)!.partition(0)!
    await stage.until('scenario', 'another leads', 15_000, () => state().leader > 1)
    await stage.pass(20_000)
    await stage.until('L2', 'all are in the ISR', 30_000, () => state().isr.length === 3)
    for (const id of [1, 2, 3]) {
      const values = valuesOn(cluster.node(id))
      stage.require(values.join() === 'committed', 'the committed value stands', { id, values })
    }
  },
}
