/**
 * Hosts the charts of all groups of a node. The chart is provided once; its effects find their
 * group by the id in its context. An empty group is a row without an actor: nothing is decided for
 * it until somebody joins.
 */
import { createActor, type InspectionEvent, type SnapshotFrom } from 'xstate'
import { type GroupState, group as groupChart } from '../../machines/group.ts'
import { type ErrorName, errorCodes } from '../../transport/protocol/errors.ts'
import type { Config } from '../config/config.ts'
import { invariant } from '../invariant.ts'
import type { Logger } from '../log.ts'
import type { Clock } from '../ports/clock.ts'
import type { Random } from '../ports/random.ts'
import type { Call, Environment, JoinCall, Place, SyncCall } from './environment.ts'
import {
  answerCurrentGeneration,
  answerJoins,
  dropUnjoined,
  storeReplacement,
  takeJoin,
} from './joining.ts'
import { type Group, type Member, removeMember, rosterOf } from './members.ts'
import { sessionTimers } from './sessions.ts'
import {
  answerSync,
  answerSyncs,
  dropUnsynced,
  parkSync,
  refuseSyncs,
  storeAssignment,
  storeEmpty,
  syncError,
} from './syncing.ts'

export type GroupPorts = {
  clock: Clock
  random: Random
  config: Config
  log: Logger
  /** A broken invariant ends the node. */
  halt: (why: unknown) => void
  inspect?: (event: InspectionEvent) => void
  /** undefined: the group is gone, and so is what was late. */
  locate: (groupId: string) => Place | undefined
}

const states: readonly GroupState[] = [
  'Empty',
  'PreparingRebalance',
  'CompletingRebalance',
  'Stable',
  'Dead',
]

function stateOf(snapshot: SnapshotFrom<typeof groupChart>): GroupState {
  const state = states.find((name) => snapshot.hasTag(name))
  invariant(state !== undefined, 'a group is in one of its states')
  return state
}

export function hostGroups(ports: GroupPorts): Environment {
  const { clock, config, log, halt, inspect } = ports
  const calls = new Map<number, Call>()
  let nextCall = 0

  const placeOf = ({ groupId }: { groupId: string }): Place => {
    const place = ports.locate(groupId)
    invariant(place !== undefined, 'a chart has its group', { groupId })
    return place
  }
  const joinCall = (request: number): JoinCall => {
    const call = calls.get(request)
    invariant(call?.type === 'join', 'an effect finds its JoinGroup', { request })
    return call
  }
  const syncCall = (request: number): SyncCall => {
    const call = calls.get(request)
    invariant(call?.type === 'sync', 'an effect finds its SyncGroup', { request })
    return call
  }

  const sessions = sessionTimers(clock, {
    memberExpired(group, member) {
      // Who waits for an answer cannot send heartbeats; its session begins anew with the answer.
      if (!member.isNew && (member.join !== null || member.sync !== null)) return
      const place = placeOf(group)
      const { groupId } = group
      log.info({ groupId, memberId: member.memberId }, 'session of a group member ended')
      env.evict(place, member)
      env.tell(place, { type: 'sessionExpired', roster: rosterOf(group) })
    },
    promiseExpired(group) {
      env.tell(placeOf(group), { type: 'promiseGone', roster: rosterOf(group) })
    },
  })

  const chart = groupChart.provide({
    actions: {
      takeJoin: ({ context }, { request }) => takeJoin(env, placeOf(context), joinCall(request)),
      answerCurrentGeneration: ({ context }, { request }) =>
        answerCurrentGeneration(placeOf(context), joinCall(request)),
      storeReplacement: ({ context }, { request }) =>
        storeReplacement(env, placeOf(context), joinCall(request)),
      answerJoins: ({ context }) => answerJoins(env, placeOf(context), context.generationId),
      dropUnjoined: ({ context }) => dropUnjoined(env, placeOf(context)),
      dropUnsynced: ({ context }) => dropUnsynced(env, placeOf(context)),
      parkSync: ({ context }, { request }) => parkSync(env, placeOf(context), syncCall(request)),
      storeAssignment: ({ context }, { request }) =>
        storeAssignment(env, placeOf(context), syncCall(request)),
      answerSync: ({ context }, { request }) =>
        answerSync(env, placeOf(context), syncCall(request)),
      answerSyncs: ({ context }) => answerSyncs(env, placeOf(context)),
      refuseSync: (_, { request, error }) => syncCall(request).respond(syncError(named(error))),
      refuseSyncs: ({ context }, { error }) => refuseSyncs(env, placeOf(context), named(error)),
      storeEmpty: ({ context }) => storeEmpty(env, placeOf(context), context.generationId),
      refuseAll: ({ context }) => {
        const { group } = placeOf(context)
        for (const member of group.members.values()) answer(member, 'NOT_COORDINATOR')
        sessions.endAll(group)
      },
    },
  })

  function answer(member: Member, error: ErrorName) {
    const { join, sync } = member
    member.join = null
    member.sync = null
    join?.({ error, memberId: error === 'UNKNOWN_MEMBER_ID' ? '' : member.memberId })
    sync?.(syncError(error))
  }

  function wake(group: Group) {
    const actor = createActor(chart, {
      id: `group ${group.groupId}`,
      clock,
      ...(inspect && { inspect }),
      input: {
        groupId: group.groupId,
        generationId: group.generationId,
        roster: rosterOf(group),
        initialDelayMs: config.int('group.initial.rebalance.delay.ms'),
        crowded: group.members.size > config.int('group.max.size'),
      },
    })
    group.actor = actor
    actor.subscribe({ next: (snapshot) => observe(group, stateOf(snapshot)), error: halt })
    actor.start()
    return actor
  }

  function observe(group: Group, state: GroupState) {
    if (state === group.state) return
    const { groupId, generationId, state: from } = group
    group.state = state
    group.stateTimestampMs = clock.now()
    log.debug({ groupId, generationId, from, to: state }, 'group changed its state')
    if (state !== 'Empty' && state !== 'Dead') return
    group.actor?.stop()
    group.actor = null
  }

  const env: Environment = {
    clock,
    random: ports.random,
    config,
    log,
    sessions,
    tell({ shard, group }, event) {
      // What was under way when the group died, or was made anew, is late.
      if (shard.groups.get(group.groupId) !== group || group.state === 'Dead') return
      // An empty group decides nothing about who is not a member.
      if (group.actor === null && event.type !== 'JoinGroup') return
      const actor = group.actor ?? wake(group)
      actor.send(event)
      const snapshot = actor.getSnapshot()
      // Its observer has ended the node; who told it may be a timer, with nobody to hear more.
      if (snapshot.status === 'error') return
      const { roster } = snapshot.context
      const told = group.actor === null || roster.members === group.members.size
      invariant(told, 'a chart counts the members that its group has', { event, roster })
    },
    ask(place, call, event) {
      const request = nextCall++
      calls.set(request, call)
      try {
        env.tell(place, { ...event, request })
      } finally {
        calls.delete(request)
      }
    },
    resume(group) {
      for (const member of group.members.values()) sessions.renew(group, member)
      wake(group)
    },
    evict({ group }, member) {
      sessions.end(member)
      answer(member, 'UNKNOWN_MEMBER_ID')
      removeMember(group, member)
    },
  }
  return env
}

function named(error: string): ErrorName {
  invariant(error in errorCodes, 'a chart names errors as Kafka does', { error })
  return error as ErrorName
}
