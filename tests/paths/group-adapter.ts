/**
 * How the group chart is reached at its coordinator: members join, take their parts and leave, and the
 * log commits when told. What is planned says how many members there are; who they are is found here.
 */
import * as assert from 'uvu/assert'
import type { AnyMachineSnapshot } from 'xstate'
import { type GroupEvent, type GroupInput, group, type Roster } from '../../machines/group.ts'
import type { KafkaError } from '../../transport/protocol/errors.ts'
import { effectOn } from './group-effects.ts'
import { type Context, contextOf, eventsIn, isLate, isPreparing, rosterIn } from './group-events.ts'
import {
  bothProtocols,
  type GroupWorld,
  groupId,
  initialDelayMs,
  type Person,
  partOf,
  promiseMs,
  rebalanceTimeoutMs,
  type Start,
  selected,
  sessionTimeoutMs,
  somebody,
  world,
} from './group-world.ts'
import type { Adapter } from './walk.ts'

const find = (on: GroupWorld, is: (person: Person) => boolean): Person | undefined =>
  [...on.members.values()].find(is)

async function causeJoin(
  on: GroupWorld,
  event: GroupEvent & { type: 'JoinGroup' },
  before: AnyMachineSnapshot,
) {
  const { joiner, changed, roster } = event
  const { isStatic } = on.start
  const now = rosterIn(before, on.start)
  if (joiner === 'new') {
    const isPromised = now.promised > roster.promised
    const id = isStatic ? '' : isPromised ? on.promised()! : await on.promise()
    if (roster.promised > now.promised) await on.promise()
    const name = ['a', 'b', 'c'].find((each) => !on.members.has(each))!
    const person = somebody(name, id, isStatic)
    // Who was loaded offers no more than what was selected.
    if (on.start.loaded > 0) person.protocols = ['range']
    return on.join(person, id)
  }
  const isAgain = isPreparing(before) && roster.joined === now.joined
  const isMeant = (person: Person) =>
    isPreparing(before) ||
    joiner === 'replacement' ||
    (joiner === 'leader') === (person === on.leader)
  const person = find(on, (each) => isMeant(each) && (each.join !== null) === isAgain)
  if (person === undefined) return
  if (roster.promised > now.promised) await on.promise()
  if (joiner !== 'replacement') {
    if (changed) person.metadata++
    return on.join(person, person.id)
  }
  const offers = [person.protocols, [...bothProtocols].reverse(), ...bothProtocols.map((p) => [p])]
  const isAsPlanned = (protocols: string[]) => {
    const would = selected(on, { person, protocols })
    return would !== undefined && (would !== on.protocol) === changed
  }
  on.join(person, '', isPreparing(before) ? person.protocols : offers.find(isAsPlanned))
  // Its new id is stored before it is told.
  if (before.value.generation === 'stable' && !changed) on.log.commit()
}

function causeSync(
  on: GroupWorld,
  event: GroupEvent & { type: 'SyncGroup' },
  before: AnyMachineSnapshot,
) {
  const now = rosterIn(before, on.start)
  const isAgain = event.roster.unsynced === now.unsynced
  const isMeant = (person: Person) =>
    isPreparing(before) || ((person === on.leader) === event.leads && person.synced === isAgain)
  const person = find(on, isMeant)
  if (person === undefined) return
  on.sync(person, event.leads && !isPreparing(before) ? partsOfAll(on) : new Map())
}

async function causeDeparture(
  on: GroupWorld,
  event: GroupEvent & { roster: Roster },
  before: AnyMachineSnapshot,
) {
  const now = rosterIn(before, on.start)
  const { type, roster } = event
  if (roster.members === now.members) {
    const memberId = on.promised() ?? (await on.promise())
    return type === 'promiseGone'
      ? on.pass(promiseMs)
      : on.leave({ memberId, groupInstanceId: null })
  }
  const isWaiting = roster.joined < now.joined
  const isSynced = roster.unsynced === now.unsynced
  const person = find(on, (each) =>
    isPreparing(before) ? (each.join !== null) === isWaiting : each.synced === isSynced,
  )
  if (person === undefined) return
  if (type === 'sessionExpired') return on.pass(sessionTimeoutMs, person)
  const { id: memberId, instance: groupInstanceId } = person
  on.remove(person)
  if (type === 'LeaveGroup') return on.leave({ memberId, groupInstanceId })
  // There is no room for it.
  on.join(person, memberId)
  on.answered('GROUP_MAX_SIZE_REACHED', on.asked!.request)
}

const partsOfAll = (on: GroupWorld): Map<string, string> =>
  new Map(Array.from(on.members.keys(), (name) => [name, partOf(name, on.generationId)]))

/**
 * A generation that ends while its assignment is being stored, and then all is as before, one
 * generation on. @returns where the assignment of the one before ends in the log
 */
async function interruptStoring(on: GroupWorld, before: AnyMachineSnapshot): Promise<number> {
  const members = [...on.members.values()]
  const joined = members.filter(({ join }) => join !== null)
  async function store(): Promise<number> {
    await on.settle()
    on.sync(on.leader!, partsOfAll(on))
    return on.log.end
  }
  async function rejoin(persons: Person[]): Promise<void> {
    await on.settle()
    persons[0]!.metadata++
    for (const person of persons) on.join(person, person.id)
  }
  if (isPreparing(before)) {
    for (const person of members) if (person.join === null) on.join(person, person.id)
    const end = await store()
    await rejoin(joined)
    return end
  }
  const isStoring = before.value.generation.completingRebalance === 'storing'
  const end = isStoring ? on.log.end : await store()
  await rejoin(members)
  if (isStoring) await store()
  return end
}

export const adapterOf = (start: Start): Adapter<GroupWorld> => ({
  name: start.name,
  machine: group,
  isMadeAnew: true,
  actorId: `group ${groupId}`,
  input: {
    groupId,
    generationId: start.loaded > 0 ? 1 : 0,
    roster: {
      members: start.loaded,
      joined: 0,
      static: 0,
      absentStatic: 0,
      promised: 0,
      unsynced: 0,
      unsyncedStatic: 0,
      rebalanceTimeoutMs: start.loaded > 0 ? rebalanceTimeoutMs : 0,
    },
    initialDelayMs,
    crowded: start.loaded > start.sizeMax,
  } satisfies GroupInput,
  open: () => world(start),
  isRelative: true,
  differs({ roster, grew }: Context, value: unknown) {
    const { members, joined, absentStatic, promised, unsynced } = roster
    if (value === 'empty' || value === 'dead') return null
    const isJoining = typeof value === 'object' && value !== null && 'preparingRebalance' in value
    const counts = isJoining ? [joined, absentStatic, grew] : [unsynced]
    return [members, promised, ...counts]
  },
  isFarEnough: (snapshot) => contextOf(snapshot).generationId > 20,
  events: (snapshot) => eventsIn(snapshot, start),
  isSame: (planned: GroupEvent, heard) => planned.type === heard.type,
  async cause(on, event: GroupEvent, before) {
    on.asked = undefined
    switch (event.type) {
      case 'JoinGroup':
        return causeJoin(on, event, before)
      case 'SyncGroup':
        return causeSync(on, event, before)
      case 'LeaveGroup':
      case 'sessionExpired':
      case 'promiseGone':
        return causeDeparture(on, event, before)
      case 'assignmentStored':
        return on.log.commit(
          isLate(event, before) ? await interruptStoring(on, before) : on.log.end,
        )
      case 'assignmentFailed':
        if (isLate(event, before)) await interruptStoring(on, before)
        return on.log.moveTo(1, 'committed')
      case 'unloaded':
        on.log.leader = 2
        on.log.leaderEpoch++
        return on.broker.hear()
    }
  },
  effect(on, { type, params, context }) {
    on.generationId = (context as Context).generationId
    return effectOn(on, type, params)
  },
  goesOn: (line, _, { expected }) => expected.delete(line),
  holds(on, snapshot) {
    assert.equal([...on.expected], [], 'who was dropped is told')
    if (snapshot.hasTag('Dead')) {
      const isRefused = (error: unknown) => (error as KafkaError).code === 'NOT_COORDINATOR'
      assert.throws(() => on.broker.groups.describeGroup(groupId, 6), isRefused)
      return
    }
    on.learnIds()
    const described = on.broker.groups.describeGroup(groupId, 6)
    assert.ok(snapshot.hasTag(described.groupState as never), `${described.groupState} is shown`)
    const { members } = contextOf(snapshot).roster
    assert.is(described.members.length, members, 'the chart counts the members there are')
    assert.equal(
      described.members.map(({ memberId }) => memberId),
      [...on.members.values()].map(({ id }) => id),
      'it has those members',
    )
    const told = isPreparing(snapshot) ? 'REBALANCE_IN_PROGRESS' : 'NONE'
    for (const person of on.members.values()) {
      if (person.join === null && person.sync === null) assert.is(on.beat(person), told)
    }
  },
})
