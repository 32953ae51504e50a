import { errorCodes } from '../../../transport/protocol/errors.ts'
import { groupRequests, type Identity } from '../group-requests.ts'
import { findCoordinator, joinAlone } from '../lone-member.ts'
import { quietScript, type Scenario } from '../stage.ts'

const topic = 'first'
const living = 'living'
const left = 'left'
const retentionMs = 60_000
const sweepMs = 5_000

export const scenario: Scenario = {
  lesson:
    'KIP-211, G6: two groups commit. The member of one leaves: its offset goes once its group has been ' +
    'empty for the retention, not before, and stays gone when the coordinator dies. The other goes on.',
  script: quietScript(87, {
    config: {
      'offsets.retention.minutes': String(retentionMs / 60_000),
      'offsets.retention.check.interval.ms': String(sweepMs),
    },
  }),
  async play(stage) {
    const ask = groupRequests(stage.client('reader'))
    let at = await findCoordinator(stage, ask, living)
    const offsetOf = async (group: string) => {
      const told = await stage.within(6_000, 'it tells', ask.offsets(at, group, topic, [0]))
      return told.offsets.get(0)
    }
    async function join(group: string): Promise<Identity> {
      const self = await joinAlone(stage, ask, at, group)
      const sent = ask.commit(at, self, topic, new Map([[0, 7]]))
      const [error] = await stage.within(6_000, 'a commit is answered', sent)
      stage.require(error === errorCodes.NONE, 'it commits', { group, error })
      return self
    }
    const member = await join(living)
    const gone = await join(left)
    async function alive(ms: number, ...members: Identity[]): Promise<void> {
      for (let passed = 0; passed < ms; passed += 2_000) {
        await stage.pass(2_000)
        for (const each of members) {
          const error = await stage.within(6_000, 'a beat is answered', ask.heartbeat(at, each))
          stage.require(error === errorCodes.NONE, 'who reads is a member', { error })
        }
      }
    }
    await alive(retentionMs + 2 * sweepMs, member, gone)
    await stage.within(6_000, 'it leaves', ask.leave(at, left, gone.memberId))
    await alive(retentionMs - sweepMs, member)
    for (const group of [living, left]) {
      const offset = await offsetOf(group)
      stage.require(offset === 7, 'an offset is kept for the retention', { group, offset })
    }
    await alive(3 * sweepMs, member)
    stage.require((await offsetOf(left)) === -1, 'what nobody has read for so long is forgotten')
    stage.require((await offsetOf(living)) === 7, 'what somebody reads is not')
    stage.act({ do: 'kill', node: 'leader of __consumer_offsets-0', forMs: 2_000 })
    await stage.pass(8_000)
    at = await findCoordinator(stage, ask, living)
    const isLoaded = async () => (await offsetOf(living)) === 7
    for (let tries = 0; !(await isLoaded()) && tries < 20; tries++) await stage.pass(200)
    stage.require(await isLoaded(), 'the next coordinator has what is kept')
    stage.require((await offsetOf(left)) === -1, 'and nothing of what was forgotten')
  },
}
