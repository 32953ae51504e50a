/** A group with one member, request by request: what a scenario does with it is its own affair. */
import { errorCodes } from '../../transport/protocol/errors.ts'
import type { GroupRequests, Identity } from './group-requests.ts'
import type { Stage } from './stage.ts'

/** Its coordinator, once somebody knows it. */
export async function findCoordinator(
  stage: Stage,
  ask: GroupRequests,
  groupId: string,
): Promise<string> {
  for (let tries = 0; tries < 20; tries++) {
    const found = await stage.within(11_000, 'a coordinator is named', ask.find(groupId))
    if (found !== undefined) return found
    await stage.pass(500)
  }
  throw new Error(`nobody coordinates ${groupId}`)
}

/** Joins until it is in, and takes partition 0. */
export async function joinAlone(
  stage: Stage,
  ask: GroupRequests,
  at: string,
  groupId: string,
): Promise<Identity> {
  let memberId = ''
  for (let tries = 0; tries < 20; tries++) {
    const joined = await stage.within(26_000, 'it joins', ask.join(at, groupId, memberId))
    memberId = joined.memberId
    if (joined.errorCode === errorCodes.NONE) {
      const { generationId } = joined
      const self = { groupId, generationId, memberId, groupInstanceId: null }
      const all = [{ memberId, assignment: Buffer.from('[0]') }]
      const synced = await stage.within(26_000, 'it has its part', ask.sync(at, self, all))
      if (synced.errorCode === errorCodes.NONE) return self
    }
    await stage.pass(200)
  }
  throw new Error(`nobody gets into ${groupId}`)
}
