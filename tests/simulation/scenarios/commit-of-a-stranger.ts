import { errorCodes } from '../../../transport/protocol/errors.ts'
import { groupRequests, type Identity } from '../group-requests.ts'
import { findCoordinator, joinAlone } from '../lone-member.ts'
import { quietScript, type Scenario } from '../stage.ts'

const groupId = 'readers'
const topic = 'first'

export const scenario: Scenario = {
  lesson:
    'G3: a commit of another member, of an earlier or a later generation, of a static member that is ' +
    'not there, or of one whose session is over is refused, and nothing of it is stored.',
  script: quietScript(42),
  async play(stage) {
    const { checker } = stage
    const ask = groupRequests(stage.client('reader'))
    const at = await findCoordinator(stage, ask, groupId)
    async function commit(as: Identity, offset: number): Promise<number> {
      const sent = ask.commit(at, as, topic, new Map([[0, offset]]))
      return (await stage.within(6_000, 'a commit is answered', sent))[0]!
    }
    const former = await joinAlone(stage, ask, at, groupId)
    const stored = await commit(former, 1)
    stage.require(stored === errorCodes.NONE, 'a member commits', { stored })
    const left = await stage.within(6_000, 'it leaves', ask.leave(at, groupId, former.memberId))
    stage.require(left === errorCodes.NONE, 'it may leave', { left })
    const self = await joinAlone(stage, ask, at, groupId)
    const { generationId: generation, memberId } = self
    const refusals: [Identity, number][] = [
      [{ ...self, generationId: generation - 1 }, errorCodes.ILLEGAL_GENERATION],
      [{ ...self, generationId: generation + 1 }, errorCodes.ILLEGAL_GENERATION],
      [{ ...self, generationId: -1 }, errorCodes.ILLEGAL_GENERATION],
      [{ ...self, memberId: `${memberId}-other` }, errorCodes.UNKNOWN_MEMBER_ID],
      [{ ...self, memberId: '', generationId: -1 }, errorCodes.UNKNOWN_MEMBER_ID],
      [{ ...self, groupInstanceId: 'nobody' }, errorCodes.UNKNOWN_MEMBER_ID],
      [{ ...self, groupId: 'nobody' }, errorCodes.ILLEGAL_GENERATION],
      [former, errorCodes.UNKNOWN_MEMBER_ID],
    ]
    for (const [stranger, expected] of refusals) {
      const error = await commit(stranger, checker.offsets.wrongOffset())
      stage.require(error === expected, 'it is refused', { stranger, error, expected })
    }
    const mine = await commit(self, 2)
    stage.require(mine === errorCodes.NONE, 'the member itself may go on', { mine })
    await stage.pass(12_000)
    const late = await commit(self, checker.offsets.wrongOffset())
    stage.require(late === errorCodes.UNKNOWN_MEMBER_ID, 'its session is over', { late })
    const { offsets } = await stage.within(6_000, 'it tells', ask.offsets(at, groupId, topic, [0]))
    stage.require(offsets.get(0) === 2, 'what was accepted stands', { offsets: [...offsets] })
  },
}
