import { errorCodes } from '../../../transport/protocol/errors.ts'
import { groupRequests } from '../group-requests.ts'
import { findCoordinator, joinAlone } from '../lone-member.ts'
import { quietScript, type Scenario } from '../stage.ts'

const groupId = 'readers'
const lostMs = 40_000

export const scenario: Scenario = {
  lesson:
    'librdkafka #2631, G5: a coordinator that is cut from the controllers, not from clients, does not ' +
    'learn that another one took over: it accepts no commit and no generation, and none of it stays.',
  script: quietScript(41, { controllers: 3 }),
  async play(stage) {
    const { cluster, checker } = stage
    const ask = groupRequests(stage.client('reader'))
    const topic = 'first'
    const before = await findCoordinator(stage, ask, groupId)
    const self = await joinAlone(stage, ask, before, groupId)
    const first = ask.commit(before, self, topic, new Map([[0, 1]]))
    const errors = await stage.within(6_000, 'it commits', first)
    stage.require(errors.join() === '0', 'it may', { errors })
    const zombie = cluster.nodes.find(({ address }) => address === before)!
    const state = () => cluster.newestImage()!.topicByName('__consumer_offsets')!.partition(0)!
    stage.act({ do: 'oneWay', from: [zombie.id], to: [4, 5, 6], forMs: lostMs })
    stage.act({ do: 'oneWay', from: [4, 5, 6], to: [zombie.id], forMs: lostMs })
    await stage.until('scenario', 'another leads', 15_000, () => state().leader !== zombie.id)
    const after = cluster.node(state().leader).address

    const [late] = await stage.within(
      11_000,
      'the zombie answers a commit',
      ask.commit(before, self, topic, new Map([[0, 500]])),
    )
    stage.require(late !== errorCodes.NONE, 'it accepts none', { late })
    const other = groupRequests(stage.client('newcomer'))
    const { errorCode, memberId, generationId } = await stage.within(
      26_000,
      'the zombie answers who joins',
      other.join(before, 'newcomers', ''),
    )
    if (errorCode === errorCodes.NONE) {
      const newcomer = { groupId: 'newcomers', generationId, memberId, groupInstanceId: null }
      const synced = await stage.within(
        26_000,
        'the zombie answers a sync',
        other.sync(before, newcomer, [{ memberId, assignment: Buffer.from('[0]') }]),
      )
      stage.require(synced.errorCode !== errorCodes.NONE, 'it begins no generation', { synced })
    }

    const again = await joinAlone(stage, ask, after, groupId)
    const next = ask.commit(after, again, topic, new Map([[0, 2]]))
    const taken = await stage.within(6_000, 'the new one answers', next)
    stage.require(taken.join() === '0', 'it accepts commits', { taken })
    checker.offsets.accepted(state().leader, { group: groupId, topic, partition: 0, offset: 2 })
    await stage.pass(lostMs)
    const at = await findCoordinator(stage, ask, groupId)
    const { offsets } = await stage.within(6_000, 'it tells', ask.offsets(at, groupId, topic, [0]))
    stage.require(offsets.get(0) === 2, 'what was accepted stands', { offsets: [...offsets] })
  },
}
