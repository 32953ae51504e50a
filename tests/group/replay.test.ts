/**
 * Live state equals replay (G4): whatever clients do, a coordinator that takes over says the same as
 * the one before. Seeds and histories come from fast-check, which shrinks what fails.
 */
import fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { deleteGroups } from '../../actors/apis/42-delete-groups.ts'
import { offsetDelete } from '../../actors/apis/47-offset-delete.ts'
import { DeleteGroups } from '../../transport/schemas/42-delete-groups.ts'
import { OffsetDelete } from '../../transport/schemas/47-offset-delete.ts'
import { commit, committed, enter, type Joined, join, leave, sync } from './members.ts'
import { type Broker, broker as brokerOf, coordinated } from './support.ts'

type Step =
  | { do: 'enter'; group: string; instance: string | null }
  | { do: 'rejoin' | 'sync' | 'leave' | 'commit'; who: number; n: number }
  | { do: 'commitAlone'; group: string; n: number }
  | { do: 'delete' | 'deleteOffsets'; group: string }
  | { do: 'wait'; ms: number }
  | { do: 'hold' | 'release' }
  | { do: 'failover' }

const group = fc.constantFrom('g0', 'g1', 'g2')
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({
    do: fc.constant('enter' as const),
    group,
    instance: fc.constantFrom(null, null, 'i1', 'i2'),
  }),
  fc.record({
    do: fc.constantFrom('rejoin' as const, 'sync' as const, 'leave' as const, 'commit' as const),
    who: fc.nat(9),
    n: fc.nat(100),
  }),
  fc.record({ do: fc.constant('commitAlone' as const), group, n: fc.nat(100) }),
  fc.record({ do: fc.constantFrom('delete' as const, 'deleteOffsets' as const), group }),
  fc.record({ do: fc.constant('wait' as const), ms: fc.constantFrom(1, 3_000, 11_000, 61_000) }),
  fc.record({ do: fc.constantFrom('hold' as const, 'release' as const) }),
  fc.record({ do: fc.constant('failover' as const) }),
)

async function stateOf(on: Broker) {
  const offsets: Record<string, unknown> = {}
  for (const groupId of ['g0', 'g1', 'g2']) offsets[groupId] = await committed(on, groupId)
  const groups = on.groups
    .listGroups([], [])
    .map(({ groupId }) => on.groups.describeGroup(groupId, 6))
    .sort((a, b) => a.groupId.localeCompare(b.groupId))
  return { offsets, groups }
}

test('the next coordinator says what the one before said', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 40 }), async (steps) => {
      const { broker, clock, world } = await coordinated()
      let on = broker
      let id = 1
      const log = world.logs[0]!
      const members: { groupId: string; instance: string | null; joined: Joined }[] = []
      const unanswered = new Set<Promise<unknown>>()
      const ask = (promise: Promise<unknown>) => {
        unanswered.add(promise)
        void promise.finally(() => unanswered.delete(promise))
      }
      const known = (groupId: string, instance: string | null) => (joined: Joined) => {
        if (joined.error === 'NONE') members.push({ groupId, instance, joined })
      }

      async function failover() {
        id = id === 1 ? 2 : 1
        log.moveTo(id)
        log.commit()
        const next = brokerOf(world, id)
        await Promise.all([on.hear(), next.hear()])
        assert.equal(on.failures, [])
        on.groups.stop()
        on = next
      }

      /** Members that are in the middle of something are not what a log can tell. */
      async function settleAll() {
        log.prompt = true
        log.commit()
        await clock.advance(400_000)
        assert.is(unanswered.size, 0, 'nobody waits for ever')
      }

      for (const one of steps) {
        if (one.do === 'enter') {
          const { group: groupId, instance } = one
          ask(enter(on, { groupId, groupInstanceId: instance }).then(known(groupId, instance)))
        } else if ('who' in one) {
          const who = members[one.who % Math.max(1, members.length)]
          if (who === undefined) continue
          const { groupId, instance, joined } = who
          const speaker = { ...joined, groupInstanceId: instance }
          if (one.do === 'rejoin') {
            const again = { groupId, memberId: joined.memberId, groupInstanceId: instance }
            const metadata = Buffer.from(`${one.n % 3}`)
            const protocols = [{ name: 'range', metadata }]
            ask(join(on, { ...again, protocols }).then(known(groupId, instance)))
          } else if (one.do === 'sync') {
            const parts = { [joined.memberId]: `part ${one.n}` }
            ask(sync(on, speaker, joined.members.length > 0 ? parts : {}, { groupId }))
          } else if (one.do === 'leave') ask(leave(on, [speaker], groupId))
          else ask(commit(on, [{ partition: one.n % 4, offset: one.n }], speaker, { groupId }))
        } else if (one.do === 'commitAlone') {
          const { group: groupId, n } = one
          ask(commit(on, [{ partition: n % 4, offset: n }], {}, { groupId }))
        } else if (one.do === 'delete') {
          ask(on.ask(deleteGroups, DeleteGroups, 2, { groupsNames: [one.group] }))
        } else if (one.do === 'deleteOffsets') {
          const partitions = [0, 1].map((partitionIndex) => ({ partitionIndex }))
          const topics = [{ name: 'orders', partitions }]
          ask(on.ask(offsetDelete, OffsetDelete, 0, { groupId: one.group, topics }))
        } else if (one.do === 'wait') await clock.advance(one.ms)
        else if (one.do === 'hold') log.prompt = false
        else if (one.do === 'release') {
          log.prompt = true
          log.commit()
        } else await failover()
        await clock.advance(0)
      }
      await settleAll()
      const live = await stateOf(on)
      await failover()
      assert.equal(await stateOf(on), live)
      await settleAll()
      on.groups.stop()
      await clock.advance(0)
      assert.is(clock.pendingTimers(), 0)
      assert.equal(on.failures, [])
    }),
    { numRuns: 60, endOnFailure: false },
  )
})

test.run()
