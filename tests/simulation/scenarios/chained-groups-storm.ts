import { errorCodes } from '../../../transport/protocol/errors.ts'
import type { Client } from '../client.ts'
import { createMember, type Member, type MemberEvents } from '../group-member.ts'
import { groupRequests } from '../group-requests.ts'
import { findCoordinator } from '../lone-member.ts'
import { quietScript, type Scenario } from '../stage.ts'

const groups = ['head', 'middle', 'tail']
const partitions = 6
const deleted = 'tail'

/** A client that notes the name of who is told that nobody knows it. */
const noting = (client: Client, unknown: string[]): Client => ({
  ...client,
  async request(...asked) {
    const answer = await client.request(...asked)
    const { errorCode } = answer as { errorCode?: number }
    if (errorCode === errorCodes.UNKNOWN_MEMBER_ID) unknown.push(client.name)
    return answer
  },
})

export const scenario: Scenario = {
  lesson:
    'redpanda #4900: three groups whose members come and go, one of them is deleted, all brokers ' +
    'restart: no member that lives is unknown afterwards, and what was deleted stays deleted.',
  script: quietScript(44, { controllers: 3, partitions }),
  async play(stage) {
    const { checker, cluster } = stage
    const random = stage.random.fork('storm')
    const members = new Map<string, { group: string; member: Member }>()
    const unknown: string[] = []
    const events: MemberEvents = {
      synced() {},
      committing() {},
      committed() {},
      fetching: () => () => {},
      wrongOffset: checker.offsets.wrongOffset,
      refused() {},
    }
    let names = 0
    function join(group: string): void {
      const name = `${group}-${names++}`
      const client = noting(stage.client(name), unknown)
      const member = createMember(client, { id: group, topic: 'first', partitions }, events)
      members.set(name, { group, member })
    }
    const of = (group: string) => [...members].filter(([, each]) => each.group === group)
    function leave(group: string): void {
      const [name, { member }] = random.pick(of(group))
      members.delete(name)
      member.leave()
    }
    for (const group of groups) join(group)
    for (let turn = 0; turn < 30; turn++) {
      const group = random.pick(groups)
      if (of(group).length > 1 && random.chance(0.4)) leave(group)
      else if (of(group).length < 4) join(group)
      await stage.pass(random.between(100, 1_500))
    }
    while (of(deleted).length > 0) leave(deleted)
    const isSettled = (group: string) => {
      const owned = of(group).map(([, { member }]) => member.owns())
      const isOne = new Set(owned.map((each) => each?.generation)).size === 1
      return isOne && new Set(owned.flatMap((each) => each?.partitions)).size === partitions
    }
    const areSettled = () => ['head', 'middle'].every(isSettled)
    await stage.until('L5', 'the groups settle', 40_000, areSettled)
    await stage.pass(5_000)
    const ask = groupRequests(stage.client('admin'))
    let at = await findCoordinator(stage, ask, deleted)
    const known = await stage.within(9_000, 'it tells', ask.offsets(at, deleted, 'first', [0]))
    stage.require((known.offsets.get(0) ?? -1) > 0, 'the third group had offsets', known)
    const error = await stage.within(9_000, 'it is deleted', ask.remove(at, deleted))
    stage.require(error === errorCodes.NONE, 'an empty group may be', { error })
    unknown.length = 0
    for (const { id } of cluster.nodes) stage.act({ do: 'kill', node: id, forMs: 500 })
    await stage.pass(20_000)
    await stage.until('L5', 'the groups settle again', 40_000, areSettled)
    stage.require(unknown.length === 0, 'no live member is unknown', { unknown })
    at = await findCoordinator(stage, ask, deleted)
    const gone = await stage.within(9_000, 'it tells', ask.offsets(at, deleted, 'first', [0]))
    stage.require(gone.offsets.get(0) === -1, 'the deleted one has no offsets', gone)
    const again = await stage.within(9_000, 'it tells', ask.remove(at, deleted))
    stage.require(again === errorCodes.GROUP_ID_NOT_FOUND, 'nor is it there', { again })
    for (const { member } of members.values()) member.die()
  },
}
