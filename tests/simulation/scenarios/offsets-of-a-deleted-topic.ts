import { errorCodes } from '../../../transport/protocol/errors.ts'
import { groupRequests } from '../group-requests.ts'
import { findCoordinator } from '../lone-member.ts'
import { quietScript, type Scenario } from '../stage.ts'
import { make, remove, write } from '../topic-lives.ts'

const groupId = 'readers'
const topic = 'again'

export const scenario: Scenario = {
  lesson:
    'G8: a topic is deleted and made again while the coordinator of its readers is down. What they had ' +
    'committed is told of the old topic alone: readers of the new one begin where it begins.',
  script: quietScript(88, { controllers: 3, config: { 'offsets.topic.replication.factor': '1' } }),
  async play(stage) {
    const ask = groupRequests(stage.client('reader'))
    await make(stage, topic, [1, 2, 3])
    await write(stage, topic, ['old-0', 'old-1', 'old-2'])
    const at = await findCoordinator(stage, ask, groupId)
    const self = { groupId, generationId: -1, memberId: '', groupInstanceId: null }
    const sent = ask.commit(at, self, topic, new Map([[0, 3]]))
    const [error] = await stage.within(6_000, 'a commit is answered', sent)
    stage.require(error === errorCodes.NONE, 'it is committed', { error })
    const { leader } = stage.partition('__consumer_offsets')
    const coordinator = stage.cluster.node(leader)
    stage.cluster.kill(coordinator)
    const other = stage.cluster.nodes.find(({ id, isBroker }) => isBroker && id !== leader)!
    await stage.pass(12_000)
    await remove(stage, topic, other)
    await make(stage, topic, [1, 2, 3])
    await write(stage, topic, ['new-0'])
    stage.start(coordinator)
    const back = await findCoordinator(stage, ask, groupId)
    let told = await stage.within(6_000, 'it tells', ask.offsets(back, groupId, topic, [0]))
    for (let tries = 0; told.error !== errorCodes.NONE && tries < 50; tries++) {
      await stage.pass(100)
      told = await stage.within(6_000, 'it tells', ask.offsets(back, groupId, topic, [0]))
    }
    stage.require(told.offsets.get(0) === -1, 'nothing is committed of the new one', told)
  },
}
