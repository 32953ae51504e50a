/** The replica chart: what is pending is a state. */
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { createActor } from 'xstate'
import {
  type AlterPartitionOutcome,
  maximalIsr,
  type ReplicaEvent,
  replica,
} from '../../machines/replica.ts'
import { fakeClock } from '../support/clock.ts'

const test = suite('replica chart')

const unassigned = {
  topicId: 't',
  partition: 0,
  leader: -1,
  leaderEpoch: -1,
  partitionEpoch: -1,
  isr: [],
  proposedIsr: [],
}
const lead = (leaderEpoch: number, partitionEpoch: number, isr = [1, 2, 3]): ReplicaEvent => ({
  type: 'lead',
  leader: 1,
  leaderEpoch,
  partitionEpoch,
  isr,
})
const follow = (leaderEpoch: number, partitionEpoch: number, leader = 2): ReplicaEvent => ({
  type: 'follow',
  leader,
  leaderEpoch,
  partitionEpoch,
  isr: [1, 2, 3],
})

function host() {
  const clock = fakeClock()
  const done: string[] = []
  const say = (what: string) => () => void done.push(what)
  const actor = createActor(
    replica.provide({
      actions: {
        beginLeading: say('beginLeading'),
        endLeading: say('endLeading'),
        beginFollowing: say('beginFollowing'),
        truncate: (_, to) =>
          void done.push(to ? `truncate ${to.epoch} ${to.endOffset}` : 'truncate'),
        startFetching: say('startFetching'),
        stopFetching: say('stopFetching'),
        proposeIsr: ({ context }) => void done.push(`propose ${context.proposedIsr}`),
        isrCommitted: say('isrCommitted'),
        reviewIsr: say('reviewIsr'),
        unexpected: ({ event }) => assert.unreachable(JSON.stringify(event)),
      },
    }),
    { input: unassigned, clock },
  ).start()
  return {
    clock,
    send: (event: ReplicaEvent) => actor.send(event),
    value: () => actor.getSnapshot().value,
    context: () => actor.getSnapshot().context,
    taken: () => done.splice(0),
    answer: (outcome: AlterPartitionOutcome, isr: number[], partitionEpoch: number) => {
      const { leaderEpoch, partitionEpoch: asked } = actor.getSnapshot().context
      const askedIn = { leaderEpoch, partitionEpoch: asked }
      actor.send({ type: 'AlterPartition', askedIn, outcome, isr, partitionEpoch })
    },
  }
}

test('a follower truncates before it fetches, and again when the leader says so', () => {
  const at = host()
  at.send(follow(0, 0))
  assert.equal(at.taken(), ['beginFollowing', 'truncate'])
  at.send({ type: 'truncated' })
  assert.equal(at.taken(), ['startFetching'])
  at.send({ type: 'diverged', epoch: 3, endOffset: 40 })
  assert.equal(at.taken(), ['stopFetching', 'truncate 3 40'])
  assert.equal(at.value(), { follower: 'truncating' })
})

test('without a leader it keeps what it has', () => {
  const at = host()
  at.send(follow(0, 0, -1))
  assert.equal(at.value(), { follower: 'leaderless' })
  assert.equal(at.taken(), ['beginFollowing'])
})

test('a joiner counts as soon as it is asked for, and until the controller said no', async () => {
  const at = host()
  at.send(lead(0, 0, [1, 2]))
  at.send({ type: 'caughtUp', replicas: [3] })
  assert.equal(at.value(), { leader: { pendingExpandIsr: 'asking' } })
  assert.equal(maximalIsr(at.context()), [1, 2, 3])
  at.answer('unknown', [], -1)
  assert.equal(maximalIsr(at.context()), [1, 2, 3])
  await at.clock.advance(50)
  assert.equal(at.taken(), ['beginLeading', 'propose 1,2,3', 'propose 1,2,3'])
  at.answer('refused', [], -1)
  assert.equal(maximalIsr(at.context()), [1, 2])
  assert.equal(at.value(), { leader: { committed: 'refused' } })
  at.send({ type: 'caughtUp', replicas: [3] })
  assert.equal(at.taken(), [], 'not at once')
  await at.clock.advance(500)
  assert.equal(at.taken(), ['reviewIsr'])
})

test('who is to leave counts until the controller has committed it', () => {
  const at = host()
  at.send(lead(0, 0))
  at.send({ type: 'fellBehind', replicas: [3] })
  assert.equal(maximalIsr(at.context()), [1, 2, 3])
  at.answer('committed', [1, 2], 1)
  assert.equal(maximalIsr(at.context()), [1, 2])
  assert.equal(at.value(), { leader: { committed: 'settled' } })
})

test('when the controller is ahead, the pending ISR counts until the image tells', () => {
  const at = host()
  at.send(lead(0, 0, [1, 2]))
  at.send({ type: 'caughtUp', replicas: [3] })
  at.answer('superseded', [], -1)
  assert.equal(at.value(), { leader: { pendingExpandIsr: 'awaitingImage' } })
  assert.equal(maximalIsr(at.context()), [1, 2, 3])
  at.send(lead(0, 1, [1]))
  assert.equal(maximalIsr(at.context()), [1])
})

test('an answer to a proposal of another time is not taken', () => {
  const at = host()
  at.send(lead(0, 0, [1, 2]))
  at.send({ type: 'caughtUp', replicas: [3] })
  at.send(lead(1, 1, [1, 2]))
  at.send({
    type: 'AlterPartition',
    askedIn: { leaderEpoch: 0, partitionEpoch: 0 },
    outcome: 'committed',
    isr: [1, 2, 3],
    partitionEpoch: 1,
  })
  assert.equal(at.context().isr, [1, 2])
})

test('an image that lags behind an answer changes nothing', () => {
  const at = host()
  at.send(lead(0, 0, [1, 2]))
  at.send({ type: 'caughtUp', replicas: [3] })
  at.answer('committed', [1, 2, 3], 1)
  at.taken()
  at.send(lead(0, 1, [1, 2, 3]))
  at.send(lead(0, 0, [1, 2]))
  assert.equal(at.taken(), [])
  assert.equal(at.context().isr, [1, 2, 3])
})

test('elected again it goes on leading; put down it ends what waits', () => {
  const at = host()
  at.send(lead(0, 0))
  at.send(lead(1, 1))
  assert.equal(at.taken(), ['beginLeading', 'beginLeading'])
  at.send(follow(2, 2))
  assert.equal(at.taken(), ['endLeading', 'beginFollowing', 'truncate'])
})

test('a failed log directory ends every part it has', () => {
  const at = host()
  at.send(lead(0, 0))
  at.taken()
  at.send({ type: 'goOffline' })
  assert.equal(at.taken(), ['endLeading'])
  at.send(follow(1, 1))
  assert.is(at.value(), 'offline')
})

test.run()
