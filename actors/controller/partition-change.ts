/**
 * What one partition should become: its next ISR, replicas and leader, as one record or none.
 *
 * Source: KIP-631 (leader choice), KIP-455 (reassignment), KIP-841 (who may lead). Every change of a
 * partition by the controller passes here, so that P9, P11, P18 and P19 have one home. Eligible leader
 * replicas (KIP-966) are not finalized, hence the last member of an ISR stays in it.
 */
import { invariant } from '../invariant.ts'
import type { RecordOf } from '../metadata/apply.ts'
import type { PartitionState } from '../metadata/image.ts'

/** preferred: the first replica rather than the one that leads; unclean: any, if the ISR has none. */
export type Election = 'online' | 'preferred' | 'unclean'

export const recovered = 0
export const recovering = 1
export const noLeader = -1
const unchanged = -2

export type PartitionTarget = {
  isr?: readonly number[]
  replicas?: readonly number[]
  removingReplicas?: readonly number[]
  addingReplicas?: readonly number[]
  leaderRecoveryState?: number
  /** Where the replicas lie, one for each that the partition has. */
  directories?: string[]
}

export type ChangeRules = {
  election: Election
  /** Registered, unfenced and not stopping. */
  mayLead: (brokerId: number) => boolean
  /** The broker's directory is not known to be gone (KIP-858). */
  isOnline: (brokerId: number, directoryId: string) => boolean
  /** min.insync.replicas of the topic. */
  minIsr: number
  /** Where a replica goes that the partition did not have. */
  directoryOf: (brokerId: number, partition: number) => string
}

type Target = Required<
  Pick<PartitionTarget, 'isr' | 'replicas' | 'removingReplicas' | 'addingReplicas'>
>

export function partitionChange(
  topicId: string,
  known: PartitionState,
  target: PartitionTarget,
  rules: ChangeRules,
): RecordOf<'PartitionChangeRecord'> | undefined {
  const before = { ...known, directories: target.directories ?? known.directories }
  const aim = completed(
    {
      isr: target.isr ?? before.isr,
      replicas: target.replicas ?? before.replicas,
      removingReplicas: target.removingReplicas ?? before.removingReplicas,
      addingReplicas: target.addingReplicas ?? before.addingReplicas,
    },
    rules,
  )
  const elected = elect(before, aim, rules)
  const newLeader = elected.leader !== before.leader
  const unclean = newLeader && elected.unclean
  const isr = unclean ? [elected.leader] : aim.isr
  // A replica that is gone must learn it: its fetches carry the old leader epoch.
  const lostReplica = before.replicas.some((id) => !aim.replicas.includes(id))
  const leaderRecoveryState = unclean
    ? recovering
    : (target.leaderRecoveryState ?? before.leaderRecoveryState)
  const replicasChanged = !equal(aim.replicas, before.replicas)
  const moved = target.directories !== undefined && !equal(target.directories, known.directories)
  const change: RecordOf<'PartitionChangeRecord'> = {
    ...unchangedPartition(topicId, before.partition),
    isr: isr.length > 0 && !equal(isr, before.isr) ? [...isr] : null,
    leader: newLeader || lostReplica ? elected.leader : unchanged,
    replicas: replicasChanged ? [...aim.replicas] : null,
    removingReplicas: changedList(aim.removingReplicas, before.removingReplicas),
    addingReplicas: changedList(aim.addingReplicas, before.addingReplicas),
    leaderRecoveryState:
      leaderRecoveryState === before.leaderRecoveryState ? -1 : leaderRecoveryState,
    directories: replicasChanged || moved ? directories(before, aim.replicas, rules) : null,
  }
  return isNothing(change) ? undefined : change
}

/** A record that changes nothing yet; the partition epoch rises all the same when it is applied. */
export const unchangedPartition = (
  topicId: string,
  partitionId: number,
): RecordOf<'PartitionChangeRecord'> => ({
  type: 'PartitionChangeRecord',
  partitionId,
  topicId,
  isr: null,
  leader: unchanged,
  replicas: null,
  removingReplicas: null,
  addingReplicas: null,
  leaderRecoveryState: -1,
  directories: null,
  eligibleLeaderReplicas: null,
  lastKnownElr: null,
})

/**
 * A reassignment is over when the ISR holds all that were added and somebody who stays; when more
 * go than come, all who stay. Unlike Kafka's it also waits while it would take the ISR below
 * min.insync.replicas (P19).
 */
function completed(aim: Target, { minIsr }: ChangeRules): Target {
  const { addingReplicas: adding, removingReplicas: removing } = aim
  if (adding.length + removing.length === 0) return aim
  const isr = aim.isr.filter((id) => !removing.includes(id))
  const replicas = aim.replicas.filter((id) => !removing.includes(id))
  const holds = (ids: readonly number[]) => ids.every((id) => isr.includes(id))
  const enough = isr.length === aim.isr.length || isr.length >= Math.min(minIsr, replicas.length)
  const over =
    isr.length > 0 &&
    enough &&
    holds(adding) &&
    (adding.length >= removing.length || holds(replicas))
  return over ? { isr, replicas, removingReplicas: [], addingReplicas: [] } : aim
}

type Elected = { leader: number; unclean: boolean }

function elect(before: PartitionState, aim: Target, rules: ChangeRules): Elected {
  const { election } = rules
  const mayLead = (id: number) => rules.mayLead(id) && isOnlineAt(before, id, rules)
  const candidates = aim.replicas.filter((id) => aim.isr.includes(id) && mayLead(id))
  const clean = (leader: number): Elected => ({ leader, unclean: false })
  const first = aim.replicas[0]
  invariant(first !== undefined, 'a partition has replicas', { partition: before.partition })
  if (election === 'preferred' && candidates.includes(first)) return clean(first)
  if (candidates.includes(before.leader)) return clean(before.leader)
  if (candidates.length > 0) return clean(candidates[0]!)
  const any = election === 'unclean' ? aim.replicas.find(mayLead) : undefined
  return any === undefined ? clean(noLeader) : { leader: any, unclean: true }
}

/** A replica that the partition gets only now goes where its broker can take it. */
function isOnlineAt({ replicas, directories }: PartitionState, id: number, rules: ChangeRules) {
  const at = replicas.indexOf(id)
  return at < 0 || rules.isOnline(id, directories[at]!)
}

function directories(
  before: PartitionState,
  replicas: readonly number[],
  { directoryOf }: ChangeRules,
): string[] {
  return replicas.map((id) => {
    const at = before.replicas.indexOf(id)
    return at < 0 ? directoryOf(id, before.partition) : before.directories[at]!
  })
}

const equal = <T>(a: readonly T[], b: readonly T[]): boolean =>
  a.length === b.length && a.every((id, i) => id === b[i])

const changedList = (next: readonly number[], before: readonly number[]): number[] | null =>
  equal(next, before) ? null : [...next]

const isNothing = (change: RecordOf<'PartitionChangeRecord'>): boolean =>
  change.leader === unchanged &&
  change.leaderRecoveryState === -1 &&
  change.isr === null &&
  change.replicas === null &&
  change.removingReplicas === null &&
  change.addingReplicas === null &&
  change.directories === null
