/**
 * Moves of replicas, by the committed metadata: P19. One never takes anybody into an ISR by itself, and
 * who leaves with its end does not leave the ISR below min.insync.replicas.
 */
import type { CommittedBatch } from '../../actors/quorum/types.ts'
import type { MetadataRecord } from '../../transport/records/metadata.ts'
import type { SimCluster } from './cluster.ts'
import { must } from './violation.ts'

type Known = {
  topic: string
  replicas: number[]
  isr: number[]
  adding: number[]
  removing: number[]
}

export type ReassignmentChecker = {
  /** Each batch once, in the order of the log. */
  committed(batch: CommittedBatch): void
}

/** Who is fenced, stops or goes by this record. */
function leaverOf(record: MetadataRecord): number | undefined {
  switch (record.type) {
    case 'BrokerRegistrationChangeRecord':
      return record.fenced === 1 || record.inControlledShutdown === 1 ? record.brokerId : undefined
    case 'RegisterBrokerRecord':
    case 'UnregisterBrokerRecord':
      return record.brokerId
    default:
      return undefined
  }
}

export function checkReassignments(minIsrOf: (topic: string) => number): ReassignmentChecker {
  const topics = new Map<string, string>()
  const partitions = new Map<string, Known>()

  function changed(now: Known, before: Known, leavers: ReadonlySet<number>): void {
    const told = () => ({ before, now })
    const without = (from: readonly number[], gone: readonly number[]) =>
      from.filter((id) => !gone.includes(id))
    const isMoving = now.adding.length + now.removing.length > 0
    const isAsked = now.adding.join() !== before.adding.join() && isMoving
    must(
      !isAsked || without(now.isr, before.isr).length === 0,
      'P19',
      'a reassignment takes nobody into an ISR',
      told,
    )
    const ended = isMoving ? [] : before.removing.filter((id) => !now.replicas.includes(id))
    const removed = ended.filter((id) => before.isr.includes(id) && !leavers.has(id))
    must(
      removed.length === 0 || now.isr.length >= Math.min(minIsrOf(now.topic), now.replicas.length),
      'P19',
      'the end of a reassignment leaves an ISR of min.insync.replicas',
      told,
    )
  }

  return {
    committed({ records }) {
      const leavers = new Set(records.map(leaverOf).filter((id) => id !== undefined))
      for (const record of records) {
        if (record.type === 'TopicRecord') topics.set(record.topicId, record.name)
        else if (record.type === 'PartitionRecord') {
          partitions.set(`${record.topicId}/${record.partitionId}`, {
            topic: topics.get(record.topicId)!,
            replicas: record.replicas,
            isr: record.isr,
            adding: record.addingReplicas,
            removing: record.removingReplicas,
          })
        } else if (record.type === 'PartitionChangeRecord') {
          const key = `${record.topicId}/${record.partitionId}`
          const before = partitions.get(key)!
          const now = {
            topic: before.topic,
            replicas: record.replicas ?? before.replicas,
            isr: record.isr ?? before.isr,
            adding: record.addingReplicas ?? before.adding,
            removing: record.removingReplicas ?? before.removing,
          }
          partitions.set(key, now)
          changed(now, before, leavers)
        }
      }
    },
  }
}

export const areMoved = ({ newestImage }: SimCluster): boolean => {
  for (const topic of newestImage()?.topics() ?? []) {
    for (let index = 0; index < topic.partitionCount(); index++) {
      const { addingReplicas, removingReplicas } = topic.partition(index)!
      if (addingReplicas.length + removingReplicas.length > 0) return false
    }
  }
  return true
}
