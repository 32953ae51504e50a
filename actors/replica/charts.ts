/**
 * Hosts the replica charts of one broker. The chart is provided once; a replica whose chart has no
 * timer running is put away as a row and woken as an actor by the next event.
 */
import { createActor, type InspectionEvent } from 'xstate'
import {
  maximalIsr,
  type ReplicaContext,
  type ReplicaEvent,
  replica,
} from '../../machines/replica.ts'
import { invariant } from '../invariant.ts'
import type { Clock } from '../ports/clock.ts'
import type { Partition, Role } from './partition.ts'

/** What the world does when a chart says so. */
export type ReplicaEffects = {
  beginLeading(partition: Partition): void
  endLeading(partition: Partition): void
  beginFollowing(partition: Partition): void
  /** @param to absent: as a follower does before its first fetch in an epoch */
  truncate(partition: Partition, to?: { epoch: number; endOffset: number }): void
  startFetching(partition: Partition): void
  stopFetching(partition: Partition): void
  proposeIsr(partition: Partition): void
  isrCommitted(partition: Partition): void
  reviewIsr(partition: Partition): void
}

type Ports = {
  clock: Clock
  find(of: { topicId: string; partition: number }): Partition | undefined
  effects: ReplicaEffects
  halt(why: unknown): void
  inspect?: (event: InspectionEvent) => void
}

export type SendToReplica = (partition: Partition, event: ReplicaEvent) => void

export function hostReplicaCharts({ clock, find, effects, halt, inspect }: Ports): {
  send: SendToReplica
  /** Stops its timers; the row takes no more events. */
  stop(partition: Partition): void
} {
  /** The row sees the context as of this action; what it causes comes after this event. */
  function act(context: ReplicaContext, effect: (partition: Partition) => void) {
    const partition = find(context)
    invariant(partition !== undefined, 'a replica chart has its row', { ...context })
    partition.context = context
    partition.maximalIsr = maximalIsr(context)
    partition.depth++
    try {
      effect(partition)
    } finally {
      partition.depth--
    }
  }
  const chart = replica.provide({
    actions: {
      beginLeading: ({ context }) => act(context, effects.beginLeading),
      endLeading: ({ context }) => act(context, effects.endLeading),
      beginFollowing: ({ context }) => act(context, effects.beginFollowing),
      truncate: ({ context, self }, to) => {
        act(context, (partition) => effects.truncate(partition, to))
        self.send({ type: 'truncated' })
      },
      startFetching: ({ context }) => act(context, effects.startFetching),
      stopFetching: ({ context }) => act(context, effects.stopFetching),
      proposeIsr: ({ context }) => act(context, effects.proposeIsr),
      isrCommitted: ({ context }) => act(context, effects.isrCommitted),
      reviewIsr: ({ context }) => act(context, effects.reviewIsr),
      unexpected: ({ event, context }) =>
        invariant(false, 'X1: no replica event is dropped in silence', { ...context, event }),
    },
  })

  function wake(partition: Partition) {
    const { value, context } = partition
    const actor = createActor(chart, {
      id: `replica ${partition.topic}-${partition.partition}`,
      input: context,
      snapshot: chart.resolveState({ value, context }),
      clock,
      ...(inspect && { inspect }),
    })
    actor.subscribe({
      next() {
        settle(partition)
        // A timer has no sender that would do it.
        if (partition.depth === 0) putAway(partition)
      },
      error: halt,
    })
    partition.actor = actor
    return actor.start()
  }

  /** Takes over what the chart says now. */
  function settle(partition: Partition) {
    const snapshot = partition.actor?.getSnapshot()
    if (snapshot === undefined) return
    partition.value = snapshot.value
    partition.context = snapshot.context
    partition.maximalIsr = maximalIsr(snapshot.context)
    partition.role = roleOf(snapshot)
  }

  function putAway(partition: Partition) {
    const snapshot = partition.actor?.getSnapshot()
    if (snapshot === undefined || snapshot.hasTag('timed')) return
    partition.actor?.stop()
    partition.actor = undefined
  }

  return {
    send(partition, event) {
      if (partition.removed) return
      partition.depth++
      const actor = partition.actor ?? wake(partition)
      actor.send(event)
      settle(partition)
      if (--partition.depth === 0) putAway(partition)
    },
    stop(partition) {
      partition.removed = true
      partition.actor?.stop()
      partition.actor = undefined
    },
  }
}

function roleOf(snapshot: { hasTag(tag: 'leader' | 'follower' | 'offline'): boolean }): Role {
  if (snapshot.hasTag('leader')) return 'leader'
  if (snapshot.hasTag('follower')) return 'follower'
  return snapshot.hasTag('offline') ? 'offline' : 'assigned'
}
