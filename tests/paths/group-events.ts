/**
 * What a group's chart may be told, by how many members there are: who they are is found where it is
 * caused.
 */
import type { AnyMachineSnapshot } from 'xstate'
import type { GroupEvent, GroupInput, Roster } from '../../machines/group.ts'
import { rebalanceTimeoutMs, type Start } from './group-world.ts'

export type Context = GroupInput & { grew: boolean }
export const contextOf = ({ context }: AnyMachineSnapshot): Context => context

export const isPreparing = ({ value }: AnyMachineSnapshot) => value.preparingRebalance !== undefined
export const isLate = (event: { generationId: number }, before: AnyMachineSnapshot) =>
  event.generationId !== contextOf(before).generationId

/** As it is, where the chart counts only what it needs there. */
export function rosterIn(snapshot: AnyMachineSnapshot, { isStatic }: Start): Roster {
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

export function eventsIn(snapshot: AnyMachineSnapshot, start: Start): GroupEvent[] {
  // Nobody else is known there.
  if (snapshot.value === 'empty') return joins(snapshot, start)
  return [
    ...joins(snapshot, start),
    ...syncs(snapshot, start),
    ...departures(snapshot, start),
    ...stores(snapshot),
    { type: 'unloaded' },
  ]
}
