/** The groups of a world, and their rules: G1 to G5 and G7, from what their members are told. */
import { errorCodes } from '../../transport/protocol/errors.ts'
import { createMember, type Member, type MemberEvents } from './group-member.ts'
import type { GroupOperation, GroupSpec, TopicSpec } from './script.ts'
import { must } from './violation.ts'
import type { World } from './world.ts'

export type Groups = {
  perform(operation: GroupOperation): void
  /** Members that run share one generation, and all partitions among them (G7). */
  areSettled(): boolean
  stop(): void
}

type Committed = { acked: number; attempted: number }

export function createGroups(
  specs: readonly GroupSpec[],
  topics: readonly TopicSpec[],
  { checker, client, cluster, fail, trace }: World,
): Groups {
  const members = new Map<string, { member: Member; group: string }>()
  /** `group generation partition` → who owns it. */
  const owners = new Map<string, string>()
  const generations = new Map<string, number>()
  const offsets = new Map<string, Committed>()

  const partitionsOf = ({ topic }: GroupSpec) =>
    topics.find(({ name }) => name === topic)!.partitions

  function offsetsOf(group: string, partition: number): Committed {
    const key = `${group} ${partition}`
    const found = offsets.get(key) ?? { acked: -1, attempted: -1 }
    offsets.set(key, found)
    return found
  }

  function guarded(check: () => void): void {
    try {
      check()
    } catch (why) {
      fail(why)
    }
  }

  const events: MemberEvents = {
    synced: (group, memberId, generation, partitions) =>
      guarded(() => {
        const before = generations.get(memberId) ?? -1
        must(generation >= before, 'G2', 'generations only rise', () => ({
          group,
          memberId,
          before,
          generation,
        }))
        generations.set(memberId, generation)
        trace.note('synced', { group, memberId, generation, partitions })
        for (const partition of partitions) {
          const key = `${group} ${generation} ${partition}`
          const owner = owners.get(key) ?? memberId
          must(owner === memberId, 'G1', 'a partition has one owner in a generation', () => ({
            key,
            owner,
            memberId,
          }))
          owners.set(key, owner)
        }
      }),
    committing(group, partition, offset) {
      const of = offsetsOf(group, partition)
      of.attempted = Math.max(of.attempted, offset)
    },
    committed(group, partition, offset, at) {
      const of = offsetsOf(group, partition)
      of.acked = Math.max(of.acked, offset)
      const { id } = cluster.nodes.find(({ address }) => address === at)!
      const { topic } = specs.find((spec) => spec.id === group)!
      guarded(() => checker.offsets.accepted(id, { group, topic, partition, offset }))
    },
    wrongOffset: checker.offsets.wrongOffset,
    refused: (wrong, errors) =>
      guarded(() => {
        const isRefused = errors.every((error) => error !== errorCodes.NONE)
        must(isRefused, 'G3', 'a commit of who is not in the group is refused', () => ({
          wrong,
          errors,
        }))
      }),
    fetching(group, partition) {
      const of = offsetsOf(group, partition)
      const { acked: least } = of
      return (offset) =>
        guarded(() => {
          trace.note('committed offset', { group, partition, offset, least })
          const isKnown = offset >= least && offset <= of.attempted
          must(isKnown, 'G4', 'the committed offset is the last that was accepted', () => ({
            group,
            partition,
            offset,
            least,
            most: of.attempted,
          }))
        })
    },
  }

  return {
    perform({ do: what, group, member: name }) {
      const running = members.get(name)
      if (what === 'joinGroup') {
        const spec = specs.find(({ id }) => id === group)
        if (running !== undefined || spec === undefined) return
        const { id, topic } = spec
        const of = { id, topic, partitions: partitionsOf(spec) }
        members.set(name, { member: createMember(client(name), of, events), group })
        return
      }
      members.delete(name)
      if (what === 'leaveGroup') running?.member.leave()
      else running?.member.die()
    },
    areSettled: () =>
      specs.every((spec) => {
        const owned = [...members.values()]
          .filter(({ group }) => group === spec.id)
          .map(({ member }) => member.owns())
        if (owned.length === 0) return true
        const isOne = new Set(owned.map((each) => each?.generation)).size === 1
        const shared = owned.flatMap((each) => each?.partitions ?? [])
        return isOne && new Set(shared).size === partitionsOf(spec)
      }),
    stop() {
      for (const { member } of members.values()) member.die()
    },
  }
}
