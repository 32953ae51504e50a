/**
 * Damage to what a disk holds while its node is down: a bit of it is another, a write went elsewhere and
 * an older one stands in its place, a write never came, or a file is gone or empty.
 *
 * Of a partition's batches only those behind the recovery point are damaged, where the CRC or the order of
 * offsets tells: what stands before is not read at the start, by Kafka neither. Files without a checksum
 * of their own are lost as a whole, since a flipped digit of Kafka's text formats is just another number.
 */
import { RECOVERY_POINTS } from '../../runtime/storage/checkpoints.ts'
import type { Checker } from './checker.ts'
import type { SimNode } from './cluster.ts'
import type { Entry } from './logs.ts'
import { METADATA } from './quorum-checker.ts'
import { type SeededRandom, seededRandom } from './random.ts'

export type Damage = {
  of: 'batch' | 'metadata' | 'snapshot' | 'producers' | 'index'
  /** Files that are no logs are flipped, whatever is asked for. */
  how: 'flip' | 'misdirected' | 'unwritten'
  seed: number
}

const crcAt = 17

export type Done = {
  told: object
  /** A file that it may miss, as it was. */
  lost?: Lost
}

/** @returns undefined: nothing of that kind is on this disk */
export function damageDisk(
  node: SimNode,
  checker: Checker,
  { of, how, seed }: Damage,
): Done | undefined {
  const random = seededRandom(seed)
  if (of === 'batch' || of === 'metadata') {
    return damageBatch(
      node,
      of === 'metadata' ? metadata(node, checker) : unsure(node, checker),
      how,
      random,
    )
  }
  const files = {
    snapshot: /[1-9]\d*-\d{10}\.checkpoint$/,
    producers: /\.snapshot$/,
    index: /index$/,
  }[of]
  const found = [...node.disk.files()].filter((path) => files.test(path) && sizeOf(node, path) > 0)
  if (found.length === 0) return undefined
  const path = random.pick(found.sort())
  const position = random.below(sizeOf(node, path))
  const bytes = Buffer.from(node.disk.file(path)!.data)
  node.disk.flip(path, position, random.below(8))
  return { told: { path, position }, lost: { path, bytes } }
}

const sizeOf = ({ disk }: SimNode, path: string) => disk.file(path)!.data.length

type Candidate = { log: string; entry: Entry; before: Entry | undefined }

function damageBatch(
  { disk }: SimNode,
  found: readonly Candidate[],
  how: Damage['how'],
  random: SeededRandom,
): Done | undefined {
  if (found.length === 0) return undefined
  const { log, entry, before } = random.pick(found)
  const { file, position, size } = entry
  if (how === 'misdirected' && before !== undefined) {
    const { data } = disk.file(before.file)!
    const bytes = Buffer.from(data.subarray(before.position, before.position + before.size))
    disk.overwrite(file, position, bytes.subarray(0, size))
    return { told: { log, entry, how, before } }
  }
  if (how === 'unwritten') {
    disk.overwrite(file, position, Buffer.alloc(size))
    return { told: { log, entry, how } }
  }
  disk.flip(file, position + crcAt + random.below(size - crcAt), random.below(8))
  return { told: { log, entry } }
}

const candidates = (log: string, entries: readonly Entry[]): Candidate[] =>
  entries.map((entry, at) => ({ log, entry, before: entries[at - 1] }))

/** The whole log of the quorum is read at each start. */
function metadata({ id }: SimNode, { logs }: Checker): Candidate[] {
  return candidates(METADATA, logs.view(id, METADATA)?.entries ?? [])
}

function unsure({ id, disk, directories }: SimNode, { logs }: Checker): Candidate[] {
  const points = new Map(
    directories.flatMap(({ path }) =>
      recoveryPoints(path, disk.file(`${path}/${RECOVERY_POINTS}`)?.data),
    ),
  )
  return [...logs.views()]
    .filter(({ nodeId, name }) => nodeId === id && name !== METADATA)
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap(({ name, folder, entries }) =>
      candidates(name, entries).filter(({ entry }) => entry.base >= (points.get(folder) ?? 0)),
    )
}

/** Lines of topic, partition and offset, behind a version and a count; by folder. */
function recoveryPoints(path: string, content: Buffer | undefined): [string, number][] {
  const lines = content?.toString('utf8').trim().split('\n').slice(2) ?? []
  return lines.map((line) => {
    const [topic, partition, offset] = line.split(' ')
    return [`${path}/${topic}-${partition}`, Number(offset)]
  })
}

export type Lost = { path: string; bytes: Buffer }

/** One of the small files is gone, or empty. */
export function loseFile(
  { disk }: SimNode,
  how: 'missing' | 'empty',
  seed: number,
): Lost | undefined {
  const small = [...disk.files()].filter((path) => !/\.(log|deleted|lock)$/.test(path)).sort()
  if (small.length === 0) return undefined
  const path = seededRandom(seed).pick(small)
  const bytes = Buffer.from(disk.file(path)!.data)
  if (how === 'missing') disk.unlink(path)
  else disk.writeFile(path, Buffer.alloc(0))
  disk.syncAll()
  return { path, bytes }
}
