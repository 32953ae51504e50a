import { quietScript, type Scenario } from '../stage.ts'

export const scenario: Scenario = {
  lesson:
    'KAFKA-15489, R14: the active controller is cut from the other voters, not from the brokers: ' +
    'it resigns, commits nothing meanwhile, and the brokers follow the new one.',
  script: quietScript(16, { controllers: 3 }),
  async play(stage) {
    const { cluster } = stage
    const former = stage.node('controller')
    const others = [4, 5, 6].filter((id) => id !== former.id)
    const { nodes } = cluster
    for (const other of others) {
      cluster.network.cut(former.id, other)
      cluster.network.cut(other, former.id)
    }
    const leads = () => former.parts!.quorum.rpc.leadership() !== undefined
    await stage.until('R14', 'it resigns in 1.5 fetch timeouts', 3_500, () => !leads())
    const isFollowed = () => {
      const epoch = stage.ledEpoch()
      if (epoch < 0) return false
      const { id } = stage.node('controller')
      return (
        id !== former.id &&
        nodes
          .filter((node) => node.isBroker)
          .every(({ parts: broker }) => {
            const known = broker!.quorum.leaderAndEpoch()
            return known.leaderId === id && known.epoch === epoch
          })
      )
    }
    await stage.until('scenario', 'brokers follow the new one', 10_000, isFollowed)
    stage.require(await stage.within(9_000, 'it decides', stage.createTopic('more', 2)), 'created')
    await stage.pass(12_000)
    stage.require(stage.fencings().length === 0, 'nobody is fenced', { of: stage.fencings() })
  },
}
