/** High watermark and ISR as arithmetic: what must hold whatever the replicas do. */
import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { BrokerState } from '../../actors/metadata/image.ts'
import { effectiveMinIsr, highWatermark } from '../../actors/replica/high-watermark.ts'
import {
  type Follower,
  isCaughtUp,
  joiners,
  laggards,
  newFollower,
  noteAppend,
  noteFetch,
} from '../../actors/replica/isr.ts'

const test = suite('replica arithmetic')

const offsets = fc.integer({ min: 0, max: 1_000 })
const ends = fc.array(fc.integer({ min: -1, max: 1_000 }), { maxLength: 5 })

test('the high watermark never falls, and never passes a replica that counts', () => {
  fc.assert(
    fc.property(
      offsets,
      ends,
      fc.double({ min: 0, max: 1, noNaN: true }),
      (leaderEnd, all, part) => {
        const counted = all.map((logEndOffset) => ({ logEndOffset }))
        const current = Math.floor(part * leaderEnd)
        const next = highWatermark(leaderEnd, counted, current)
        assert.ok(next >= current)
        assert.ok(next <= leaderEnd)
        if (next > current) for (const { logEndOffset } of counted) assert.ok(next <= logEndOffset)
        // It moves as far as it may.
        if (all.every((end) => end >= 0)) {
          assert.is(next, Math.max(current, Math.min(leaderEnd, ...all)))
        } else assert.is(next, current)
      },
    ),
  )
})

test('more replicas that count never move the high watermark further', () => {
  fc.assert(
    fc.property(offsets, ends, fc.integer({ min: -1, max: 1_000 }), (leaderEnd, all, one) => {
      const counted = all.map((logEndOffset) => ({ logEndOffset }))
      const fewer = highWatermark(leaderEnd, counted, 0)
      assert.ok(highWatermark(leaderEnd, [...counted, { logEndOffset: one }], 0) <= fewer)
    }),
  )
})

test('min.insync.replicas cannot ask for more than there are', () => {
  assert.is(effectiveMinIsr(2, 1), 1)
  assert.is(effectiveMinIsr(2, 3), 2)
})

test('whoever fetches the end, or what was the end at its last fetch, was caught up then', () => {
  const follower = newFollower(2, false, 0)
  const fetch = (offset: number, leaderEnd: number, nowMs: number) =>
    noteFetch(follower, { offset, logStartOffset: 0, brokerEpoch: 1 }, leaderEnd, nowMs)
  fetch(0, 10, 100)
  assert.is(isCaughtUp(follower, 10, 100, 1_000), false)
  fetch(10, 20, 200)
  assert.is(follower.lastCaughtUpMs, 100)
  fetch(15, 30, 300)
  assert.is(follower.lastCaughtUpMs, 100)
  fetch(30, 30, 400)
  assert.is(follower.lastCaughtUpMs, 400)
})

test('an idle follower was in sync until the append, as of the last fetch of its session', () => {
  const follower = newFollower(2, true, 0)
  noteFetch(follower, { offset: 10, logStartOffset: 0, brokerEpoch: 1 }, 10, 100)
  follower.session = { lastFetchMs: 90_000 }
  assert.is(isCaughtUp(follower, 10, 99_000, 30_000), true)
  noteAppend(follower, 10)
  assert.is(isCaughtUp(follower, 11, 99_000, 30_000), true)
  assert.is(isCaughtUp(follower, 11, 120_001, 30_000), false)
})

const broker = (id: number, epoch: number, more: Partial<BrokerState> = {}): BrokerState => ({
  id,
  epoch,
  incarnationId: 'i',
  endpoints: [],
  features: [],
  rack: null,
  fenced: false,
  inControlledShutdown: false,
  logDirs: [],
  isMigratingZkBroker: false,
  ...more,
})

const fetched = (id: number, logEndOffset: number, brokerEpoch = 5): Follower => ({
  ...newFollower(id, false, 0),
  logEndOffset,
  brokerEpoch,
})

test('reboot-empty-stale-fetch: who may join is registered, unfenced and at both marks', () => {
  const view = { isr: [1], leaderEnd: 30, epochStart: 20, highWatermark: 10 }
  const who = (follower: Follower, registered: BrokerState | undefined) =>
    joiners(
      { ...view, followers: [follower] },
      new Map(registered && [[registered.id, registered]]),
    ).length
  assert.is(who(fetched(2, 20), broker(2, 5)), 1)
  assert.is(who(fetched(2, 19), broker(2, 5)), 0, 'below the start of the leader epoch')
  assert.is(who(fetched(2, -1), broker(2, 5)), 0, 'not fetched in this epoch')
  assert.is(who(fetched(2, 25), broker(2, 6)), 0, 'fetched by an earlier incarnation')
  assert.is(who(fetched(2, 25, -1), broker(2, 6)), 1, 'tells no epoch')
  assert.is(who(fetched(2, 25), broker(2, 5, { fenced: true })), 0)
  assert.is(who(fetched(2, 25), broker(2, 5, { inControlledShutdown: true })), 0)
  assert.is(who(fetched(2, 25), undefined), 0)
})

test('who lags is named, who is at the end never is', () => {
  const late = { ...fetched(2, 5), lastCaughtUpMs: 0 }
  const idle = { ...fetched(3, 30), lastCaughtUpMs: 0 }
  const view = {
    isr: [1, 2, 3],
    followers: [late, idle],
    leaderEnd: 30,
    epochStart: 0,
    highWatermark: 5,
  }
  assert.equal(laggards(view, 30_001, 30_000), [2])
  assert.equal(laggards(view, 30_000, 30_000), [])
})

test.run()
