import { fetchFrom } from '../asker.ts'
import { quietScript, type Scenario } from '../stage.ts'

export const scenario: Scenario = {
  lesson:
    'A consumer asks for the second record of a batch: it gets that whole batch and what follows, from ' +
    'the leader and from followers, since offsets inside a batch are the client’s to skip.',
  script: quietScript(51),
  async play(stage) {
    const { cluster } = stage
    for (const label of ['a', 'b', 'c']) {
      const values = [0, 1, 2].map((index) => `${label}-${index}`)
      await stage.within(5_000, 'it is acknowledged', stage.send(values))
    }
    await stage.pass(2_000)
    const asker = stage.client('asker')
    for (const { address } of cluster.nodes) {
      for (let offset = 0; offset < 9; offset++) {
        const asked = fetchFrom(asker, { address, topic: 'first' }, offset)
        const { records } = await stage.within(5_000, 'it answers', asked)
        const offsets = records.map((record) => record.offset)
        const base = offset - (offset % 3)
        const wanted = Array.from({ length: 9 - base }, (_, index) => base + index)
        stage.require(offsets.join() === wanted.join(), 'whole batches, from that one on', {
          address,
          offset,
          offsets,
        })
      }
    }
  },
}
