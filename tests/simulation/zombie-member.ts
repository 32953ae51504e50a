/**
 * A member of a group that comes back after it left and another one took its place, and one that names
 * a generation that is over: neither is served (G3), and nothing of it is found later (G4).
 */
import { errorCodes } from '../../transport/protocol/errors.ts'
import type { Foe } from './foe.ts'
import { type GroupRequests, groupRequests, type Identity } from './group-requests.ts'
import { must } from './violation.ts'

/** @param wrongOffset an offset that no right commit names */
export async function actAsZombie(
  foe: Foe,
  groupId: string,
  wrongOffset: () => number,
  rest: () => Promise<void>,
): Promise<void> {
  const { client, topic, partition } = foe
  const ask = groupRequests(client)

  /** With whoever coordinates it now. */
  const coordinated = (request: (at: string) => Promise<number>) => async () => {
    const at = await ask.find(groupId)
    return at === undefined ? errorCodes.COORDINATOR_NOT_AVAILABLE : request(at)
  }

  /** Where the one that took its place is known: another may lead no more, and not know that. */
  let home = ''

  /** A member that is alone, until it has its part. */
  async function join(): Promise<Identity> {
    let memberId = ''
    let self: Identity | undefined
    await foe.accepted(
      coordinated(async (at) => {
        const joined = await ask.join(at, groupId, memberId)
        memberId = joined.errorCode === errorCodes.UNKNOWN_MEMBER_ID ? '' : joined.memberId
        if (joined.errorCode !== errorCodes.NONE) return joined.errorCode
        self = { groupId, generationId: joined.generationId, memberId, groupInstanceId: null }
        home = at
        return (await ask.sync(at, self, partOf(memberId))).errorCode
      }),
    )
    return self!
  }

  const commit = (as: Identity, offset: number) =>
    coordinated(async (at) => {
      const errors = await ask.commit(at, as, topic, new Map([[partition, offset]]))
      return errors[0]!
    })

  /** As one that is no member any more, whatever it asks for. */
  async function goOn(as: Identity, codes: readonly Code[]): Promise<void> {
    const wants: Record<string, (at: string) => Promise<number>> = {
      heartbeat: (at) => ask.heartbeat(at, as),
      sync: async (at) => (await ask.sync(at, as, partOf(as.memberId))).errorCode,
    }
    for (const [what, request] of Object.entries(wants)) {
      const atHome = coordinated(async (at) => {
        const error = await request(at)
        return error === errorCodes.NONE && at !== home ? errorCodes.NOT_COORDINATOR : error
      })
      await foe.refused('G3', `${what} of a former member`, codes, atHome)
    }
    await foe.refused('G3', 'commit of a former member', codes, commit(as, wrongOffset()))
  }

  const former = await join()
  await foe.accepted(commit(former, 1))
  await foe.accepted(coordinated((at) => leave(ask, at, former)))
  const self = await join()
  for (let turn = 0; turn < 3; turn++) {
    await goOn(former, over)
    await goOn({ ...self, generationId: self.generationId - 1 }, over)
    await rest()
  }
  const found = await offsetOf(foe, ask, groupId)
  must(
    found === undefined || found === 1,
    'G4',
    'the committed offset is the last accepted',
    () => ({
      groupId,
      found,
    }),
  )
}

type Code = 'UNKNOWN_MEMBER_ID' | 'ILLEGAL_GENERATION'

/** Who is not known, or, once nobody is left, of no generation. */
const over: readonly Code[] = ['UNKNOWN_MEMBER_ID', 'ILLEGAL_GENERATION']

const partOf = (memberId: string) => [{ memberId, assignment: Buffer.from('[0]') }]

/** One whose session is over left, too. */
async function leave(ask: GroupRequests, at: string, { groupId, memberId }: Identity) {
  const error = await ask.leave(at, groupId, memberId)
  return error === errorCodes.UNKNOWN_MEMBER_ID ? errorCodes.NONE : error
}

async function offsetOf(
  { client, topic, partition, accepted }: Foe,
  ask: GroupRequests,
  groupId: string,
): Promise<number | undefined> {
  let found: number | undefined
  await accepted(async () => {
    const at = await ask.find(groupId)
    const { error, offsets } = await ask.offsets(at ?? client.anyAddress(), groupId, topic, [
      partition,
    ])
    found = offsets.get(partition)
    return error
  })
  return found
}
