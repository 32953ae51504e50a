/**
 * One bit of one batch on a disk, of those that a node looks at when it starts: behind the recovery
 * point, and where its CRC tells. What stands before is not read at the start, by Kafka neither.
 */
import { RECOVERY_POINTS } from '../../runtime/storage/checkpoints.ts'
import type { Checker } from './checker.ts'
import type { SimNode } from './cluster.ts'
import type { Entry } from './logs.ts'
import { METADATA } from './quorum-checker.ts'
import { seededRandom } from './random.ts'

const crcAt = 17

/** @returns whose bit it is; undefined: there is nothing on this disk */
export function flipBit(
  { id, disk, directories }: SimNode,
  checker: Checker,
  seed: number,
): { log: string; entry: Entry } | undefined {
  const random = seededRandom(seed)
  const points = new Map(
    directories.flatMap(({ path }) =>
      recoveryPoints(path, disk.file(`${path}/${RECOVERY_POINTS}`)?.data),
    ),
  )
  const found = [...checker.logs.views()]
    .filter(({ nodeId, name }) => nodeId === id && name !== METADATA)
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap(({ name, folder, entries }) =>
      entries
        .filter(({ base }) => base >= (points.get(folder) ?? 0))
        .map((entry) => ({ log: name, entry })),
    )
  if (found.length === 0) return undefined
  const one = random.pick(found)
  const { file, position, size } = one.entry
  disk.flip(file, position + crcAt + random.below(size - crcAt), random.below(8))
  return one
}

/** Lines of topic, partition and offset, behind a version and a count; by folder. */
function recoveryPoints(path: string, content: Buffer | undefined): [string, number][] {
  const lines = content?.toString('utf8').trim().split('\n').slice(2) ?? []
  return lines.map((line) => {
    const [topic, partition, offset] = line.split(' ')
    return [`${path}/${topic}-${partition}`, Number(offset)]
  })
}
