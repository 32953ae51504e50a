/** What holds of every placement and of every change of a partition. */
import fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { type Election, partitionChange } from '../../actors/controller/partition-change.ts'
import { placeReplicas, type UsableBroker } from '../../actors/controller/placement.ts'
import { changedPartition } from '../../actors/metadata/apply.ts'
import type { PartitionState } from '../../actors/metadata/image.ts'
import type { Random } from '../../actors/ports/random.ts'

function seeded(seed: number): Random {
  let state = seed >>> 0
  const next = () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state / 2 ** 32
  }
  return { next, below: (bound) => Math.floor(next() * bound), uuid: () => '' }
}

const brokers: fc.Arbitrary<UsableBroker[]> = fc
  .array(
    fc.record({
      rack: fc.constantFrom(null, 'a', 'b', 'c'),
      fenced: fc.boolean(),
    }),
    { minLength: 1, maxLength: 9 },
  )
  .map((list) => list.map((broker, id) => ({ id, ...broker })))
  .filter((list) => list.some(({ fenced }) => !fenced))

test('replicas are distinct, the first is unfenced, and racks and leaders are spread evenly', () => {
  fc.assert(
    fc.property(
      brokers,
      fc.nat(),
      fc.integer({ min: 1, max: 40 }),
      fc.nat(8),
      (all, seed, n, r) => {
        const replicationFactor = 1 + (r % all.length)
        const placed = placeReplicas(all, n, replicationFactor, seeded(seed))
        assert.is(placed.length, n)
        const by = new Map(all.map((broker) => [broker.id, broker]))
        const racks = new Set(all.map(({ rack }) => rack)).size
        for (const replicas of placed) {
          assert.is(new Set(replicas).size, replicationFactor)
          assert.not.ok(by.get(replicas[0]!)!.fenced)
          const used = new Set(replicas.map((id) => by.get(id)!.rack)).size
          assert.is(used, Math.min(racks, replicationFactor), 'as many racks as can be')
        }
      },
    ),
    { numRuns: 300 },
  )
})

test('without racks and fenced brokers, leaders differ by one at most', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 8 }),
      fc.nat(),
      fc.integer({ min: 1, max: 60 }),
      (b, seed, n) => {
        const all = Array.from({ length: b }, (_, id) => ({ id, rack: null, fenced: false }))
        const led = new Map(all.map(({ id }) => [id, 0]))
        for (const [leader] of placeReplicas(all, n, Math.min(3, b), seeded(seed))) {
          led.set(leader!, led.get(leader!)! + 1)
        }
        assert.ok(Math.max(...led.values()) - Math.min(...led.values()) <= 1)
      },
    ),
    { numRuns: 200 },
  )
})

/** A partition of some of the brokers 1 to 5 that the rules could have led to. */
const states: fc.Arbitrary<PartitionState> = fc
  .record({
    replicas: fc.uniqueArray(fc.integer({ min: 1, max: 5 }), { minLength: 1, maxLength: 5 }),
    inSync: fc.nat(31),
    moving: fc.nat(31),
    leads: fc.nat(5),
  })
  .map(({ replicas, inSync, moving, leads }) => {
    const adding = replicas.filter((_, i) => i > 0 && (moving >> i) % 2 === 1)
    const isr = replicas.filter((_, i) => (inSync >> i) % 2 === 1)
    if (isr.length === 0) isr.push(replicas[0]!)
    return {
      partition: 0,
      replicas,
      directories: replicas.map((id) => `d${id}`),
      isr,
      removingReplicas: [],
      addingReplicas: adding.every((id) => isr.includes(id)) ? [] : adding,
      leader: leads >= isr.length ? -1 : isr[leads]!,
      leaderEpoch: 4,
      partitionEpoch: 9,
      leaderRecoveryState: 0,
      elr: [],
      lastKnownElr: [],
    }
  })

test('P9, P11, P18, P19: whatever a partition is told, it stays lawful', () => {
  fc.assert(
    fc.property(
      states,
      fc.nat(31),
      fc.nat(63),
      fc.nat(63),
      fc.constantFrom<Election>('online', 'preferred', 'unclean'),
      (before, leaves, alive, lost, election) => {
        const isr = before.isr.filter((_, i) => (leaves >> i) % 2 === 0)
        const left = before.isr.filter((id) => !isr.includes(id))
        const isOnline = (id: number) => (lost >> id) % 2 === 0 || !before.replicas.includes(id)
        const isAlive = (id: number) => (alive >> id) % 2 === 1 && !left.includes(id)
        const mayLead = (id: number) => isAlive(id) && isOnline(id)
        const directoryOf = (id: number) => `d${id}`
        const rules = { election, mayLead: isAlive, isOnline, minIsr: 2, directoryOf }
        const record = partitionChange('t', before, { isr }, rules)
        if (record === undefined) {
          assert.equal(isr.length === 0 || isr.length === before.isr.length, true)
          return
        }
        const after = changedPartition(before, record)
        assert.ok(after.isr.length > 0, 'the last member stays')
        assert.ok(after.isr.every((id) => after.replicas.includes(id)))
        assert.equal(
          after.directories,
          after.replicas.map((id) => `d${id}`),
        )
        assert.ok(
          after.leader === -1 || (after.isr.includes(after.leader) && mayLead(after.leader)),
        )
        assert.is(after.partitionEpoch, 10)
        assert.is(after.leaderEpoch, record.leader === -2 ? 4 : 5)
        if (after.leader !== before.leader) assert.is(after.leaderEpoch, 5)
        const unclean = after.leader !== -1 && !before.isr.includes(after.leader)
        if (unclean) {
          assert.is(election, 'unclean')
          assert.equal([after.isr, after.leaderRecoveryState], [[after.leader], 1])
          assert.not.ok(isr.some(mayLead), 'nobody in sync could lead')
        } else {
          assert.ok(
            after.isr.every((id) => before.isr.includes(id)),
            'nobody joins by itself',
          )
        }
        if (before.addingReplicas.length > 0 && after.addingReplicas.length === 0) {
          assert.ok(before.addingReplicas.every((id) => after.isr.includes(id)))
        }
      },
    ),
    { numRuns: 2_000 },
  )
})

test.run()
