import { quietScript, type Scenario } from '../stage.ts'

const script = quietScript(48, { controllers: 3 })
const batches = 12

export const scenario: Scenario = {
  lesson:
    'KAFKA-3968, S5: segments are rolled, and what is in them acknowledged. A while later the power of ' +
    'one broker after the other goes: no file is missing whose bytes count as synced.',
  script: {
    ...script,
    workload: {
      ...script.workload,
      topics: [{ name: 'first', partitions: 1, configs: { 'segment.bytes': '1048576' } }],
    },
  },
  async play(stage) {
    const { cluster, checker } = stage
    const filesOf = (id: number) => [
      ...new Set((checker.logs.view(id, 'first-0')?.entries ?? []).map(({ file }) => file)),
    ]
    for (let batch = 0; batch < batches; batch++) {
      const sent = stage.send([`${batch}-${'x'.repeat(300_000)}`])
      const { acked } = await stage.within(9_000, 'it is answered', sent)
      stage.require(acked, 'it is acknowledged', { batch })
    }
    await stage.pass(2_000)
    for (const id of [1, 2, 3]) {
      const node = cluster.node(id)
      const files = filesOf(id)
      stage.require(files.length >= 4, 'there are several segments', { files })
      for (const file of files) {
        const isNamed = node.disk.file(file)?.durable !== undefined
        stage.require(isNamed, 'the name of each is durable', { node: id, file })
      }
      const rolled = checker.logs.view(id, 'first-0')!.entries.filter(({ file }) => {
        return file !== files.at(-1)
      })
      for (const entry of rolled) {
        stage.require(checker.logs.isDurable(id, entry), 'what was rolled is durable', { entry })
      }
      stage.act({ do: 'powerCut', node: id, forMs: 1_000 })
      stage.require(node.end === undefined, 'its power is gone', { node: id })
      const left = new Set(node.disk.files())
      const missing = files.filter((file) => !left.has(file))
      stage.require(missing.length === 0, 'no segment is missing', { node: id, missing })
      await stage.pass(1_000)
      await stage.until('L1', 'it is back', 20_000, () => stage.isUnfenced(node))
      const state = () => cluster.newestImage()!.topicByName('first')!.partition(0)!
      await stage.until('L2', 'it has caught up', 20_000, () => state().isr.includes(id))
      await stage.pass(1_000)
    }
  },
}
