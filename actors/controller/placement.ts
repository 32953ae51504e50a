/**
 * Where the replicas of new partitions go: striped over racks, then over the brokers of a rack, from
 * a random start, so that leaders, replicas and racks are used evenly.
 *
 * Source: KIP-631. A partition's first replica, its preferred leader, is never a fenced broker; fenced
 * ones take replicas only once the others of their rack have one.
 */
import { refuse } from '../../transport/protocol/errors.ts'
import type { Random } from '../ports/random.ts'

export type UsableBroker = { id: number; rack: string | null; fenced: boolean }

/** The brokers of one rack, in the order in which they are taken. */
type Rack = { unfenced: number[]; fenced: number[]; start: number }

/**
 * @returns for each partition its replicas, the preferred leader first
 * @throws KafkaError INVALID_REPLICATION_FACTOR
 */
export function placeReplicas(
  brokers: readonly UsableBroker[],
  partitions: number,
  replicationFactor: number,
  random: Random,
): number[][] {
  const unfenced = brokers.filter(({ fenced }) => !fenced).length
  if (replicationFactor <= 0) {
    refuse('INVALID_REPLICATION_FACTOR', `a replication factor of ${replicationFactor} is none`)
  }
  if (unfenced === 0) {
    refuse('INVALID_REPLICATION_FACTOR', 'all brokers are fenced; wait until one is back')
  }
  if (replicationFactor > brokers.length) {
    refuse(
      'INVALID_REPLICATION_FACTOR',
      `${replicationFactor} replicas need as many brokers; ${brokers.length} are registered`,
    )
  }
  const racks = racksOf(brokers)
  const placed: number[][] = []
  let first = random.below(racks.length)
  for (let stripe = 0; placed.length < partitions; stripe++) {
    // Once every unfenced broker has led, another order keeps the same neighbours from repeating.
    if (stripe % unfenced === 0) {
      for (const rack of racks) shuffle(rack, random)
      shuffleInPlace(racks, random)
    }
    placed.push(onePartition(racks, first, replicationFactor))
    first = (first + 1) % racks.length
  }
  return placed
}

function racksOf(brokers: readonly UsableBroker[]): Rack[] {
  const racks = new Map<string, Rack>()
  for (const { id, rack, fenced } of [...brokers].sort((a, b) => a.id - b.id)) {
    const name = rack ?? ''
    const known = racks.get(name) ?? { unfenced: [], fenced: [], start: 0 }
    known[fenced ? 'fenced' : 'unfenced'].push(id)
    racks.set(name, known)
  }
  return [...racks].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, rack]) => rack)
}

function shuffle(rack: Rack, random: Random): void {
  shuffleInPlace(rack.unfenced, random)
  shuffleInPlace(rack.fenced, random)
  rack.start = random.below(Math.max(1, rack.unfenced.length))
}

function shuffleInPlace<T>(list: T[], random: Random): void {
  for (let i = list.length - 1; i > 0; i--) {
    const j = random.below(i + 1)
    const held = list[i]!
    list[i] = list[j]!
    list[j] = held
  }
}

function onePartition(racks: readonly Rack[], first: number, replicationFactor: number): number[] {
  const queues = racks.map(({ unfenced, fenced, start }) => [
    ...unfenced.slice(start),
    ...unfenced.slice(0, start),
    ...fenced,
  ])
  let at = first
  while (racks[at]!.unfenced.length === 0) at = (at + 1) % racks.length
  const leader = queues[at]!.shift()!
  const rack = racks[at]!
  // The next partition of this rack has another leader.
  rack.start = (rack.start + 1) % rack.unfenced.length
  const replicas = [leader]
  while (replicas.length < replicationFactor) {
    at = (at + 1) % racks.length
    const next = queues[at]!.shift()
    if (next !== undefined) replicas.push(next)
  }
  return replicas
}
