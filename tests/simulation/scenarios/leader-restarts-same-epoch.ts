import { quietScript, type Scenario } from '../stage.ts'

export const scenario: Scenario = {
  lesson:
    'KAFKA-10527: the leader of the quorum loses its power and what it had not synced, and is back at ' +
    'once. It leads its old epoch no more; what was acknowledged is there.',
  script: quietScript(43, { controllers: 3 }),
  async play(stage) {
    const { cluster } = stage
    const topics = ['kept-0', 'kept-1', 'kept-2', 'kept-3']
    for (const [index, topic] of topics.entries()) {
      const created = await stage.within(9_000, 'it is created', stage.createTopic(topic, 2))
      stage.require(created, 'it is acknowledged', { topic })
      const leader = stage.node('controller')
      const epoch = stage.ledEpoch()
      // Its appends wait for the disk, and nobody else has them yet.
      leader.disk.faults.syncMs = 5_000
      stage.intercept(({ from, what }) => from === leader.id && what === 'Fetch.metadata answer')
      stage.createTopic(`unknown-${index}`, 1).catch(() => {})
      const hasTail = () => {
        const { log } = leader.parts!.quorum.rpc.replica
        return log.durableEndOffset() < log.endOffset()
      }
      await stage.until('scenario', 'it has a tail that is not synced', 2_000, hasTail)
      stage.cutPower(leader, index % 2 === 0 ? 'lost' : 'kept')
      leader.disk.faults.syncMs = 0.3
      stage.intercept(() => false)
      stage.start(leader)
      await stage.until('scenario', 'somebody leads', 12_000, () => stage.ledEpoch() >= 0)
      stage.require(stage.ledEpoch() > epoch, 'a newer epoch', { epoch, now: stage.ledEpoch() })
      const knows = ({ parts }: (typeof cluster.nodes)[number]) =>
        topics
          .slice(0, index + 1)
          .every((name) => parts?.loader.image().topicByName(name) !== undefined)
      await stage.until('scenario', 'all know what was acknowledged', 12_000, () =>
        cluster.nodes.every(knows),
      )
    }
  },
}
