import { call } from '../../../transport/links/rpc.ts'
import { errorCodes } from '../../../transport/protocol/errors.ts'
import { Vote } from '../../../transport/schemas/52-vote.ts'
import { METADATA } from '../quorum-checker.ts'
import { createMachine } from '../scheduler.ts'
import { quietScript, type Scenario } from '../stage.ts'

type State = { leaderEpoch: number; votedId: number }

export const scenario: Scenario = {
  lesson:
    'R2: a voter loses its power after it voted, before anybody heard of it. Asked by a second ' +
    'candidate of that epoch, with a longer log, it refuses before and after: the vote was durable.',
  script: quietScript(23, { controllers: 3 }),
  async play(stage) {
    const { cluster, checker } = stage
    const former = stage.node('controller')
    let voted: { voter: number; state: State } | undefined
    stage.intercept(({ from, to, what }) => {
      if (what !== 'Vote answer' || voted !== undefined) return false
      const { disk } = cluster.node(from)
      const state = JSON.parse(
        disk.file(`/data/${METADATA}/quorum-state`)!.data.toString('utf8'),
      ) as State
      if (state.votedId !== to) return false
      voted = { voter: from, state }
      return true
    })
    stage.act({ do: 'kill', node: former.id, forMs: 20_000 })
    await stage.until('scenario', 'somebody votes', 10_000, () => voted !== undefined)
    const { voter: id, state } = voted!
    const voter = cluster.node(id)
    // The dead leader's place on the links is free: the second candidate asks from there.
    const link = cluster.network.link({
      clusterId: cluster.clusterId,
      self: { nodeId: former.id, incarnationId: cluster.clusterId },
      machine: createMachine(stage.scheduler),
      onHandlerError: (_, why) => stage.fail(why),
    })
    await link.connect()
    const partition = {
      partitionIndex: 0,
      replicaEpoch: state.leaderEpoch,
      replicaId: former.id,
      replicaDirectoryId: former.directoryId,
      voterDirectoryId: voter.directoryId,
      lastOffsetEpoch: state.leaderEpoch - 1,
      lastOffset: 1_000_000,
      preVote: false,
    }
    async function askAgain(): Promise<void> {
      const asked = call(
        link,
        Vote,
        2,
        id,
        {
          clusterId: cluster.clusterId,
          voterId: id,
          topics: [{ topicName: '__cluster_metadata', partitions: [partition] }],
        },
        { timeoutMs: 2_000, lane: 'control' },
      )
      const { topics } = await stage.within(3_000, 'the voter answers', asked)
      const answer = topics[0]!.partitions[0]!
      stage.require(answer.errorCode === errorCodes.NONE, 'it may ask', { answer })
      stage.require(!answer.voteGranted, 'one vote an epoch', { answer, state })
    }
    await askAgain()
    cluster.powerCut(voter)
    checker.logs.forget(id)
    cluster.start(voter)
    const runs = () => (voter.parts?.quorum.leaderAndEpoch().epoch ?? -1) >= state.leaderEpoch
    await stage.until('R2', 'it knows the epoch in which it voted', 2_000, runs)
    await askAgain()
    await link.close()
    await stage.until('L1', 'somebody leads', 30_000, () => stage.ledEpoch() > 0)
  },
}
