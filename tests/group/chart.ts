/** Drives the group chart alone: its effects are noted, its timers wait for the test. */
import { createActor } from 'xstate'
import { type GroupEvent, group, type Roster } from '../../machines/group.ts'
import { fakeClock } from '../support/clock.ts'

const effectNames = [
  'takeJoin',
  'answerCurrentGeneration',
  'storeReplacement',
  'answerJoins',
  'dropUnjoined',
  'dropUnsynced',
  'parkSync',
  'storeAssignment',
  'answerSync',
  'answerSyncs',
  'refuseSync',
  'refuseSyncs',
  'storeEmpty',
  'refuseAll',
] as const
export type EffectName = (typeof effectNames)[number]
export type Noted = { effect: EffectName; generationId: number; error?: string | undefined }

const noRoster: Roster = {
  members: 0,
  joined: 0,
  static: 0,
  absentStatic: 0,
  promised: 0,
  unsynced: 0,
  unsyncedStatic: 0,
  rebalanceTimeoutMs: 60_000,
}
export const roster = (counts: Partial<Roster>): Roster => ({ ...noRoster, ...counts })

export function chart(
  start: {
    generationId?: number
    members?: number
    initialDelayMs?: number
    crowded?: boolean
  } = {},
) {
  const clock = fakeClock(0)
  const noted: Noted[] = []
  const errors: unknown[] = []
  const note =
    (effect: EffectName) =>
    ({ context }: { context: { generationId: number } }, params?: unknown) => {
      const { error } = (params ?? {}) as { error?: string }
      noted.push({ effect, generationId: context.generationId, error })
    }
  const actions = Object.fromEntries(effectNames.map((name) => [name, note(name)])) as Record<
    EffectName,
    () => void
  >
  const actor = createActor(group.provide({ actions }), {
    clock,
    input: {
      groupId: 'g',
      generationId: start.generationId ?? 0,
      roster: roster({ members: start.members ?? 0 }),
      initialDelayMs: start.initialDelayMs ?? 3_000,
      crowded: start.crowded ?? false,
    },
  })
  actor.subscribe({ error: (error) => errors.push(error) })
  actor.start()
  return {
    clock,
    actor,
    errors,
    tell: (event: GroupEvent) => actor.send(event),
    /** The effects since it was asked last. */
    take: () => noted.splice(0),
    state: () => [...actor.getSnapshot().tags][0] ?? 'none',
    generationId: () => actor.getSnapshot().context.generationId,
  }
}

let request = 0
export const join = (
  joiner: 'new' | 'member' | 'leader' | 'replacement',
  counts: Partial<Roster>,
  changed = joiner === 'new',
): GroupEvent => ({
  type: 'JoinGroup',
  request: request++,
  joiner,
  changed,
  roster: roster(counts),
})
export const sync = (leads: boolean, counts: Partial<Roster>): GroupEvent => ({
  type: 'SyncGroup',
  request: request++,
  leads,
  roster: roster(counts),
})
