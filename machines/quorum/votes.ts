/**
 * The arithmetic of an election: who counts, who has won, and how long to wait.
 *
 * A replica is an id and the directory that its log lives in, so that a wiped disk is another
 * voter (KIP-853). Static voters (kraft.version 0) do not know directories: there the id counts.
 */

export type ReplicaKey = { id: number; directoryId: string }

/** Voter → its latest answer, by `keyOf`. */
export type Answers = Readonly<Record<string, boolean>>

/** Kafka's zero uuid: the directory is not known. */
export const unknownDirectory = 'AAAAAAAAAAAAAAAAAAAAAA'

export const keyOf = ({ id, directoryId }: ReplicaKey): string => `${id}:${directoryId}`

export const isSame = (a: ReplicaKey, b: ReplicaKey): boolean =>
  a.id === b.id &&
  (a.directoryId === b.directoryId ||
    a.directoryId === unknownDirectory ||
    b.directoryId === unknownDirectory)

export const includes = (voters: readonly ReplicaKey[], replica: ReplicaKey): boolean =>
  voters.some((voter) => isSame(voter, replica))

export const majorityOf = (voters: readonly ReplicaKey[]): number =>
  Math.floor(voters.length / 2) + 1

/** Answers of replicas that are no voters (any more) do not count. */
export function tally(voters: readonly ReplicaKey[], answers: Answers) {
  const said = (what: boolean) => voters.filter((voter) => answers[keyOf(voter)] === what).length
  const majority = majorityOf(voters)
  return {
    won: voters.length > 0 && said(true) >= majority,
    lost: voters.length - said(false) < majority,
  }
}

/** One step of a seeded generator (mulberry32): the next seed, and a number in [0, 1). */
export function draw(seed: number): { seed: number; value: number } {
  const next = (seed + 0x6d2b79f5) | 0
  let t = Math.imul(next ^ (next >>> 15), 1 | next)
  t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
  return { seed: next, value: ((t ^ (t >>> 14)) >>> 0) / 0x1_0000_0000 }
}

/** Doubles with each lost election up to the bound, then half of it is left to chance. */
export function electionBackoff(retries: number, maxMs: number, chance: number): number {
  const ceiling = Math.min(maxMs, 50 * 2 ** Math.min(retries, 16))
  return Math.round(ceiling / 2 + (ceiling / 2) * chance)
}

/**
 * How long a follower whose leader resigned waits: the first among the preferred successors not
 * at all, each one behind it half as long as its successor, who is not named the longest.
 * @param place its place in the list, -1 when it is not there
 */
export function handoverDelay(place: number, voters: number, maxMs: number): number {
  if (place === 0) return 0
  const rank = place < 0 ? voters : place
  return Math.min(maxMs, Math.round(maxMs / 2 ** Math.max(0, Math.min(16, voters - 1) - rank)))
}

/** Our place among the voters that outlive their leader, by id; the first asks at once. */
export const heirRank = (of: {
  self: ReplicaKey
  leaderId: number
  voters: readonly ReplicaKey[]
}) => of.voters.filter(({ id }) => id !== of.leaderId && id < of.self.id).length

/** How long each heir lets the one before it ask, which asks again with each `retryMs`. */
export const heirDelay = (retryMs: number): number => 8 * retryMs
