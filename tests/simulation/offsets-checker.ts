/**
 * What is stored in `__consumer_offsets`, read from the disks and held against what clients sent and
 * were told: G3, G5.
 */
import { readRecord } from '../../actors/group/records.ts'
import { records } from '../../transport/records/records.ts'
import type { SimCluster } from './cluster.ts'
import type { Entry, Logs, LogView } from './logs.ts'
import type { MetadataChecker } from './metadata-checker.ts'
import { must } from './violation.ts'

export type Commit = { group: string; topic: string; partition: number; offset: number }

export type OffsetsChecker = {
  /** An offset that no right commit ever names: who commits it is not in the group as it says. */
  wrongOffset(): number
  appended(view: LogView, entry: Entry): void
  /** A client was told so by this node. */
  accepted(nodeId: number, commit: Commit): void
}

type Stored = { log: string; partition: number; base: number; epoch: number }

const OFFSETS_TOPIC = '__consumer_offsets'
/** Above all that is right. */
const wrongFrom = 1e12

export function checkOffsets(
  cluster: SimCluster,
  logs: Logs,
  metadata: () => MetadataChecker,
): OffsetsChecker {
  const seen = new Set<string>()
  const stored = new Map<string, Stored[]>()
  let wrong = 0

  const keyOf = ({ group, topic, partition, offset }: Commit) =>
    JSON.stringify([group, topic, partition, offset])

  const partitionAt = (index: number) =>
    [...metadata().partitions()].find(
      ({ topic, partition }) => topic === OFFSETS_TOPIC && partition === index,
    )

  /** Who leads now has it, unless its disk lost something. */
  function isKept({ log, partition, base, epoch }: Stored): boolean {
    const leader = partitionAt(partition)?.leader ?? -1
    if (leader < 0 || cluster.node(leader).isSuspect) return true
    return logs.entryAt(leader, log, base)?.epoch === epoch
  }

  /** Whom the controller made leader of this epoch; undefined: nobody. */
  function leaderOf({ partition, epoch }: Stored): number | undefined {
    const of = partitionAt(partition)
    return of && metadata().leaderOf(of.topicId, partition, epoch)
  }

  function note(group: string, topic: string, partition: number, offset: number, where: Stored) {
    const commit = { group, topic, partition, offset }
    must(offset < wrongFrom, 'G3', 'a commit of who is not in the group stores nothing', () => ({
      commit,
      where,
    }))
    const key = keyOf(commit)
    const found = stored.get(key) ?? []
    found.push(where)
    stored.set(key, found)
  }

  return {
    wrongOffset: () => wrongFrom + wrong++,
    appended({ nodeId, name }, { file, position, size, base, epoch }) {
      if (!name.startsWith(`${OFFSETS_TOPIC}-`)) return
      const key = `${name}|${base}@${epoch}`
      if (seen.has(key)) return
      seen.add(key)
      const where = {
        log: name,
        partition: Number(name.slice(OFFSETS_TOPIC.length + 1)),
        base,
        epoch,
      }
      const leader = leaderOf(where)
      must(
        leader === nodeId,
        'G5',
        'only the leader of an offsets partition writes in its epoch',
        () => ({
          ...where,
          writer: nodeId,
          leader,
        }),
      )
      const content = cluster.node(nodeId).disk.file(file)!.data
      const bytes = content.subarray(position, position + size)
      for (const { key: of, value } of records(bytes, 0)) {
        if (of === null) continue
        const read = readRecord(of, value)
        if (read.type !== 'offset' || read.value === null) continue
        note(read.groupId, read.key.topic, read.key.partition, read.value.offset, where)
      }
    },
    accepted(nodeId, commit) {
      const found = stored.get(keyOf(commit)) ?? []
      must(
        found.some((where) => leaderOf(where) === nodeId && isKept(where)),
        'G5',
        'who accepts a commit stored it as leader of its offsets partition, and the next one has it',
        () => ({ nodeId, commit, found }),
      )
    },
  }
}
