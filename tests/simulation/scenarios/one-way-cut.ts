import { quietScript, type Scenario } from '../stage.ts'

export const scenario: Scenario = {
  lesson: 'KIP-996: a voter can send but hears nothing: the epoch rises at most once.',
  script: quietScript(15, { controllers: 3 }),
  async play(stage) {
    const active = stage.node('controller').id
    const deaf = [4, 5, 6].find((id) => id !== active)!
    const before = stage.quorumEpoch()
    stage.act({ do: 'oneWay', from: [1, 2, 3, 4, 5, 6], to: [deaf], forMs: 30_000 })
    await stage.pass(30_000)
    stage.require(stage.node('controller').id === active, 'the leader stays', { active })
    await stage.pass(10_000)
    const after = stage.quorumEpoch()
    stage.require(after <= before + 1, 'the epoch rises at most once', { before, after })
    const { leaderId, epoch } = stage.cluster.node(deaf).parts!.quorum.leaderAndEpoch()
    stage.require(leaderId >= 0, 'it follows again', { leaderId, epoch })
  },
}
