import type { Response } from '../../../transport/protocol/api.ts'
import { errorCodes } from '../../../transport/protocol/errors.ts'
import type { JoinGroup } from '../../../transport/schemas/11-join-group.ts'
import { groupRequests, type Identity, rebalanceTimeoutMs } from '../group-requests.ts'
import { findCoordinator } from '../lone-member.ts'
import { quietScript, type Scenario, type Stage } from '../stage.ts'

type Joined = Response<typeof JoinGroup>

const identity = (groupId: string, { generationId, memberId }: Joined): Identity => ({
  groupId,
  generationId,
  memberId,
  groupInstanceId: null,
})

export const scenario: Scenario = {
  lesson:
    'KAFKA-13563, G7: two join, and one never asks for its part, though it lives: a follower of the group, ' +
    'or its leader. The rebalance ends within its timeout all the same, and the other goes on alone.',
  script: quietScript(91),
  async play(stage) {
    for (const silent of ['follower', 'leader'] as const) await oneIsSilent(stage, silent)
  },
}

async function oneIsSilent(stage: Stage, silent: 'follower' | 'leader'): Promise<void> {
  const groupId = `its ${silent} is silent`
  const [one, other] = ['one', 'other'].map((name) => groupRequests(stage.client(name + silent)))
  const at = await findCoordinator(stage, one!, groupId)
  async function join(ask: typeof one, memberId = ''): Promise<Joined> {
    const joined = await ask!.join(at, groupId, memberId)
    const again = joined.errorCode === errorCodes.MEMBER_ID_REQUIRED
    return again ? join(ask, joined.memberId) : joined
  }
  const both = await stage.within(30_000, 'both join', Promise.all([join(one), join(other)]))
  const isLeader = ({ leader, memberId }: Joined) => leader === memberId
  const place = both.findIndex((joined) => isLeader(joined) === (silent === 'leader'))
  const [quiet, busy] = [both[place]!, both[1 - place]!]
  const asker = place === 0 ? other! : one!
  const self = identity(groupId, busy)
  const all = both.map(({ memberId }) => ({ memberId, assignment: Buffer.from('[0]') }))
  let synced: number | undefined
  const sync = asker.sync(at, self, isLeader(busy) ? all : [])
  sync.then(({ errorCode }) => {
    synced = errorCode
  }, stage.fail)
  const beats = groupRequests(stage.client(`beats of the ${silent}`))
  const beat = (as: Identity) => stage.within(6_000, 'a beat is answered', beats.heartbeat(at, as))
  let told: number = errorCodes.NONE
  for (let passed = 0; passed < rebalanceTimeoutMs - 2_000; passed += 1_000) {
    await stage.pass(1_000)
    told = await beat(identity(groupId, quiet))
    stage.require(told === errorCodes.NONE, 'it has its time', { passed, told })
    await beat(self)
  }
  await stage.pass(4_000)
  told = await beat(identity(groupId, quiet))
  stage.require(told === errorCodes.UNKNOWN_MEMBER_ID, 'who never asked is out', { silent, told })
  const expected = silent === 'leader' ? errorCodes.REBALANCE_IN_PROGRESS : errorCodes.NONE
  stage.require(synced === expected, 'the other one was answered', { silent, synced })
  const rejoined = await stage.within(20_000, 'it joins', asker.join(at, groupId, busy.memberId))
  stage.require(rejoined.errorCode === errorCodes.NONE, 'it is in', { silent, rejoined })
  const members = rejoined.members.map(({ memberId }) => memberId)
  stage.require(members.join() === busy.memberId, 'and alone', { silent, members })
}
