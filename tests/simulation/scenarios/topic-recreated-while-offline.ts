import { fetchFrom } from '../asker.ts'
import { quietScript, type Scenario } from '../stage.ts'
import { make, remove, write } from '../topic-lives.ts'

export const scenario: Scenario = {
  lesson:
    'KAFKA-14616, P17: a topic is deleted and made again while one of its brokers is down. That one ' +
    'comes back with the old log, given the new topic or not: no old byte is served or kept under it.',
  script: quietScript(44, { controllers: 3, config: { 'min.insync.replicas': '1' } }),
  async play(stage) {
    const { cluster, checker } = stage
    const [, other, away] = [1, 2, 3].map((id) => cluster.node(id))
    const old = Array.from({ length: 8 }, (_, index) => `old-${index}`)
    const topics = { unassigned: [1, 2], assigned: [3, 1, 2] }
    for (const topic of Object.keys(topics)) {
      await make(stage, topic, [3, 1, 2])
      await write(stage, topic, old)
    }
    await stage.pass(6_000)
    stage.act({ do: 'kill', node: away!.id, forMs: 40_000 })
    for (const [topic, replicas] of Object.entries(topics)) {
      const { leader } = stage.partition(topic)
      const moved = () => stage.partition(topic).leader !== away!.id
      await stage.until('scenario', 'another one leads', 12_000, moved, () => ({ leader }))
      await remove(stage, topic)
      await make(stage, topic, replicas)
      await write(stage, topic, ['new-0', 'new-1', 'new-2'])
    }
    const isBack = () => stage.isUnfenced(away!) && stage.partition('assigned').isr.includes(3)
    await stage.until('scenario', 'it is back and in sync', 60_000, isBack)
    // Now it has to serve what it holds.
    stage.act({ do: 'kill', node: 1, forMs: 30_000 })
    stage.act({ do: 'kill', node: other!.id, forMs: 30_000 })
    const leads = () => stage.partition('assigned').leader === away!.id
    await stage.until('scenario', 'it leads', 12_000, leads)
    const asker = stage.client('reader')
    const { address } = away!
    for (const topic of Object.keys(topics)) {
      for (let offset = 0; offset < old.length; offset++) {
        const asked = fetchFrom(asker, { address, topic }, offset)
        const { records, errorCode } = await stage.within(5_000, 'a fetch is answered', asked)
        const served = records.map(({ value }) => value)
        const isNew = served.every((value) => value.startsWith('new-'))
        stage.require(isNew, 'no old byte is served', { topic, offset, served, errorCode })
        const isThere = topic === 'assigned' && offset < 3
        stage.require(served.length > 0 === isThere, 'what is new is served by who has it', {
          topic,
          offset,
          served,
        })
      }
    }
    const held = checker.logs.view(away!.id, 'unassigned-0')
    stage.require(held === undefined, 'what it is not given is set aside', { held })
    await stage.pass(30_000)
  },
}
