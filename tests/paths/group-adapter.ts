/**
 * How the group chart is reached at its coordinator: members join, take their parts and leave, and the
 * log commits when told. What is planned says how many members there are; who they are is found here.
 */
import * as assert from 'uvu/assert'
import type { AnyMachineSnapshot } from 'xstate'
import { type GroupEvent, type GroupInput, group, type Roster } from '../../machines/group.ts'
import type { KafkaError } from '../../transport/protocol/errors.ts'
import {
  answered,
  answerLine,
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
  storedLine,
  world,
} from './group-world.ts'
import type { Adapter, Seen } from './walk.ts'

type Context = GroupInput & { grew: boolean }
const contextOf = ({ context }: AnyMachineSnapshot): Context => context

const isPreparing = ({ value }: AnyMachineSnapshot) => value.preparingRebalance !== undefined
const isLate = (event: { generationId: number }, before: AnyMachineSnapshot) =>
  event.generationId !== contextOf(before).generationId

/** As it is, where the chart counts only what it needs there. */
function rosterIn(snapshot: AnyMachineSnapshot, { isStatic }: Start): Roster {
  const { roster } = contextOf(snapshot)
  const joined = isPreparing(snapshot) ? roster.joined : 0
  return withStatic({ ...roster, joined, rebalanceTimeoutMs }, isStatic)
}

/** All members of a walk are static, or none is. */
function withStatic(roster: Omit<Roster, `${string}tatic`>, isStatic: boolean): Roster {
  const { members, joined, unsynced } = roster
  return {
    ...roster,
    static: isStatic ? members : 0,
    absentStatic: isStatic ? members - joined : 0,
    unsyncedStatic: isStatic ? unsynced : 0,
  }
}

/** Counts after an event, from the counts before. */
function counted(now: Roster, { isStatic }: Start, by: Partial<Roster>): Roster {
  const counts = {
    ...now,
    members: now.members + (by.members ?? 0),
    joined: now.joined + (by.joined ?? 0),
    promised: by.promised ?? now.promised,
    unsynced: now.unsynced + (by.unsynced ?? 0),
  }
  return withStatic(counts, isStatic)
}

const when = (is: boolean, ...events: GroupEvent[]): GroupEvent[] => (is ? events : [])
const request = 0

function joins(snapshot: AnyMachineSnapshot, start: Start): GroupEvent[] {
  const now = rosterIn(snapshot, start)
  const { members, joined } = now
  const after = (by: Partial<Roster>) => counted(now, start, by)
  const join = { type: 'JoinGroup' as const, request, joiner: 'member' as const, changed: false }
  const isFull = members >= start.sizeMax || members >= 2
  const promises = start.isStatic ? [0] : [0, 1]
  const news = when(
    !isFull,
    ...promises.map((promised) => ({
      ...join,
      joiner: 'new' as const,
      changed: true,
      roster: after({ members: 1, joined: 1, unsynced: 1, promised }),
    })),
  )
  const absent = members > joined
  if (isPreparing(snapshot)) {
    const mayCome = absent && joined < start.sizeMax
    const joiners = start.isStatic ? (['member', 'replacement'] as const) : (['member'] as const)
    const known = joiners.flatMap((joiner) => [
      ...when(
        mayCome,
        ...promises
          .filter((promised) => promised >= now.promised)
          .map((promised) => ({ ...join, joiner, roster: after({ joined: 1, promised }) })),
      ),
      ...when(joined > 0, { ...join, joiner, roster: now }),
    ])
    return [...news, ...known]
  }
  const roster = after({ joined: 1 })
  const known = [false, true].flatMap((changed) => [
    ...when(members > 0, { ...join, joiner: 'leader', changed, roster }),
    ...when(members > 1, { ...join, joiner: 'member', changed, roster }),
    ...when(start.isStatic && members > 0, { ...join, joiner: 'replacement', changed, roster }),
  ])
  return [...news, ...known]
}

function syncs(snapshot: AnyMachineSnapshot, start: Start): GroupEvent[] {
  const now = rosterIn(snapshot, start)
  const { members, unsynced } = now
  const sync = { type: 'SyncGroup' as const, request, leads: false, roster: now }
  if (isPreparing(snapshot)) return when(members > 0, sync)
  const isFirst = { ...sync, roster: counted(now, start, { unsynced: -1 }) }
  // The leader's own is the first that leads on.
  const isLeaderAwaited = snapshot.value.generation?.completingRebalance === 'awaitingLeader'
  const others = members - 1
  const unsyncedOthers = unsynced - (isLeaderAwaited ? 1 : 0)
  return [
    { ...(isLeaderAwaited ? isFirst : sync), leads: true },
    ...when(unsyncedOthers > 0, isFirst),
    ...when(others > unsyncedOthers, sync),
  ]
}

function departures(snapshot: AnyMachineSnapshot, start: Start): GroupEvent[] {
  const now = rosterIn(snapshot, start)
  const { members, joined, unsynced } = now
  const after = (by: Partial<Roster>) => counted(now, start, by)
  const isOver = snapshot.value.generation === 'stable'
  const leave = (by: Partial<Roster>) => ({ type: 'LeaveGroup' as const, roster: after(by) })
  const expire = (by: Partial<Roster>) => ({ type: 'sessionExpired' as const, roster: after(by) })
  const isEvicted = joined >= start.sizeMax && members > joined
  const gone = [
    ...when(!start.isStatic, leave({ promised: 0 }), {
      type: 'promiseGone',
      roster: after({ promised: 0 }),
    }),
    ...when(isPreparing(snapshot) && isEvicted, {
      type: 'promiseGone',
      roster: after({ members: -1 }),
    }),
  ]
  if (isPreparing(snapshot)) {
    const absent = { members: -1 }
    const waiting = { members: -1, joined: -1 }
    return [
      ...gone,
      ...when(members > joined, leave(absent), expire(absent)),
      ...when(joined > 0, leave(waiting)),
    ]
  }
  const isNotSynced = { members: -1, unsynced: -1 }
  const isSynced = { members: -1 }
  return [
    ...gone,
    ...when(unsynced > 0, leave(isNotSynced), expire(isNotSynced)),
    // Whose SyncGroup waits for its answer is not missed.
    ...when(members > unsynced, leave(isSynced), ...(isOver ? [expire(isSynced)] : [])),
  ]
}

function stores(snapshot: AnyMachineSnapshot): GroupEvent[] {
  const { generationId, roster } = contextOf(snapshot)
  const { preparingRebalance, generation } = snapshot.value
  const phase = generation?.completingRebalance
  const stored = { type: 'assignmentStored', generationId } as const
  const failed = { type: 'assignmentFailed', generationId, error: 'NOT_COORDINATOR' } as const
  const before = { generationId: generationId - 1 }
  const isHalfJoined = roster.joined > 0 && roster.joined < roster.members
  const isLeft = phase !== undefined || (preparingRebalance === 'joining' && isHalfJoined)
  return [
    ...when(phase === 'storing', stored, failed),
    ...when(isLeft, { ...stored, ...before }),
    // What is lost of a log is all that is not committed.
    ...when(isLeft && phase !== 'storing', { ...failed, ...before }),
  ]
}

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

/** What the effect does to what is known, and what of it is seen. */
function effectOn(on: GroupWorld, type: string, params: unknown): Seen {
  const { error = '' } = (params ?? {}) as { error?: string }
  const now: string[] = []
  const later: Record<string, string> = {}
  const answer = (request: number | null, what: string) => {
    if (request === null) return
    now.push(answerLine(request))
    later[request] = answered(request, what)
  }
  const all = () => [...on.members.values()]
  const store = (generationId: number, rows: string[]) => {
    if (on.log.refusal === null) now.push(storedLine(generationId, rows))
  }
  const partOfGeneration = (name: string) => ` ${on.parts.get(name) ?? ''}`.trimEnd()
  const { request = -1, person, protocols = [] } = on.asked ?? {}

  /** Whoever had its place is fenced; from now on it asks for what it asked for. */
  function come(answersOlder: 'FENCED_INSTANCE_ID' | 'REBALANCE_IN_PROGRESS') {
    answer(person!.join, answersOlder)
    if (answersOlder === 'FENCED_INSTANCE_ID') {
      answer(person!.sync, answersOlder)
      person!.sync = null
      on.members.delete(person!.name)
    }
    person!.join = null
    person!.protocols = protocols
    on.members.set(person!.name, person!)
  }
  const isReplaced = on.asked?.memberId === '' && on.members.has(person?.name ?? '')

  switch (type) {
    case 'takeJoin':
      come(isReplaced ? 'FENCED_INSTANCE_ID' : 'REBALANCE_IN_PROGRESS')
      person!.join = request
      break
    case 'answerCurrentGeneration':
      answer(request, `NONE in ${on.generationId}`)
      break
    case 'storeReplacement':
      come('FENCED_INSTANCE_ID')
      store(
        on.generationId,
        all().map(({ name }) => `${name}=${on.parts.get(name) ?? ''}`),
      )
      later['answer'] = answerLine(request)
      later[request] = answered(request, `NONE in ${on.generationId}`)
      break
    case 'answerJoins':
      on.protocol = selected(on)!
      on.parts = new Map()
      for (const each of all()) {
        answer(each.join, `NONE in ${on.generationId}`)
        each.join = null
        each.synced = false
      }
      break
    case 'dropUnjoined':
      for (const each of all()) {
        if (each.join === null && each.instance === null) on.remove(each)
      }
      break
    case 'dropUnsynced':
      for (const each of all()) if (!each.synced) on.remove(each)
      break
    case 'parkSync':
      answer(person!.sync, 'REBALANCE_IN_PROGRESS')
      person!.sync = request
      person!.synced = true
      break
    case 'storeAssignment':
      on.parts = on.asked!.parts
      store(
        on.generationId,
        all().map(({ name }) => `${name}=${on.parts.get(name) ?? ''}`),
      )
      break
    case 'answerSync':
      person!.synced = true
      answer(request, `NONE${partOfGeneration(person!.name)}`)
      break
    case 'answerSyncs':
      for (const each of all()) {
        answer(each.sync, `NONE${partOfGeneration(each.name)}`)
        each.sync = null
      }
      break
    case 'refuseSync':
      answer(request, error)
      break
    case 'refuseSyncs':
      on.parts = new Map()
      for (const each of all()) {
        answer(each.sync, error)
        each.sync = null
      }
      break
    case 'storeEmpty':
      store(on.generationId, [])
      break
    case 'refuseAll':
      for (const each of all()) {
        answer(each.join, 'NOT_COORDINATOR')
        answer(each.sync, 'NOT_COORDINATOR')
      }
      break
  }
  return { now, later }
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
  events(snapshot) {
    if (snapshot.value === 'empty') return joins(snapshot, start)
    return [
      ...joins(snapshot, start),
      ...syncs(snapshot, start),
      ...departures(snapshot, start),
      ...stores(snapshot),
      { type: 'unloaded' },
    ]
  },
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
