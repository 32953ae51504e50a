/**
 * Files and directories in memory, each twice: as the page cache has it and as it would be found after
 * a power cut.
 *
 * What was written but not synced survives a power cut as chance has it: each write, truncation and
 * directory entry by itself, and the last write perhaps up to some byte only. A rename within a
 * directory is atomic. A file that was synced but whose name was not is gone.
 */
import { apply, type Change, type Content, emptyContent, writeTo } from './disk-content.ts'
import type { SeededRandom } from './random.ts'

export type SimFile = {
  kind: 'file'
  data: Content
  durable: Content
  pending: Change[]
  modifiedMs: number
}

type NameChange =
  | { add: string; what: Entry }
  | { remove: string }
  | { rename: string; to: string; what: Entry }

export type SimDirectory = {
  kind: 'directory'
  names: Map<string, Entry>
  durable: Map<string, Entry>
  pending: NameChange[]
}

export type Entry = SimFile | SimDirectory

export const partsOf = (path: string) => path.split('/').filter((part) => part !== '')

/** What a path leads to: by the names that are cached, or by durable names all the way. */
export function entryAt(
  root: SimDirectory,
  path: string,
  by: 'names' | 'durable' = 'names',
): Entry | undefined {
  let at: Entry | undefined = root
  for (const part of partsOf(path)) {
    if (at?.kind !== 'directory') return undefined
    at = at[by].get(part)
  }
  return at
}

/** All of it durable. */
export function cloneOf(entry: Entry): Entry {
  if (entry.kind === 'file') {
    const { size, bytes } = entry.data
    const same = () => ({ bytes: Buffer.from(bytes.subarray(0, size)), size })
    return { ...entry, data: same(), durable: same(), pending: [] }
  }
  const names = new Map([...entry.names].map(([name, each]) => [name, cloneOf(each)] as const))
  return { kind: 'directory', names, durable: new Map(names), pending: [] }
}

export const newFile = (): SimFile => ({
  kind: 'file',
  data: emptyContent(),
  durable: emptyContent(),
  pending: [],
  modifiedMs: 0,
})

export const newDirectory = (): SimDirectory => ({
  kind: 'directory',
  names: new Map(),
  durable: new Map(),
  pending: [],
})

export function applyName(names: Map<string, Entry>, change: NameChange): void {
  if ('add' in change) names.set(change.add, change.what)
  else if ('remove' in change) names.delete(change.remove)
  else {
    names.delete(change.rename)
    names.set(change.to, change.what)
  }
}

export function changeName(directory: SimDirectory, change: NameChange): void {
  applyName(directory.names, change)
  directory.pending.push(change)
}

export function syncFile(file: SimFile, changes = file.pending.length): void {
  for (const each of file.pending.splice(0, changes)) apply(file.durable, each)
}

export function* walk(directory: SimDirectory, path: string): Generator<[string, SimFile]> {
  for (const [name, entry] of directory.names) {
    const at = `${path}/${name}`
    if (entry.kind === 'file') yield [at, entry]
    else yield* walk(entry, at)
  }
}

export function syncTree(directory: SimDirectory): void {
  for (const each of directory.pending.splice(0)) applyName(directory.durable, each)
  for (const entry of directory.names.values()) {
    if (entry.kind === 'file') syncFile(entry)
    else syncTree(entry)
  }
}

/** @returns how many changes went */
export function cut(directory: SimDirectory, chance: SeededRandom): number {
  let lost = 0
  for (const each of directory.pending) {
    if (chance.chance(0.5)) applyName(directory.durable, each)
    else lost++
  }
  directory.pending = []
  directory.names = new Map(directory.durable)
  for (const entry of directory.names.values()) {
    lost += entry.kind === 'directory' ? cut(entry, chance) : cutFile(entry, chance)
  }
  return lost
}

function cutFile(file: SimFile, chance: SeededRandom): number {
  const { pending } = file
  file.pending = []
  let lost = 0
  const style = chance.below(4)
  const kept = chance.below(pending.length + 1)
  for (const [at, each] of pending.entries()) {
    const keep =
      style === 0 ? false : style === 1 ? at < kept : style === 2 ? chance.chance(0.5) : true
    if (keep) apply(file.durable, each)
    else lost++
    const isTorn = !keep && style === 1 && at === kept && 'bytes' in each
    if (isTorn && chance.chance(0.5)) {
      const { position, bytes } = each
      writeTo(file.durable, position, bytes.subarray(0, chance.below(bytes.length)))
    }
  }
  file.data = {
    bytes: Buffer.from(file.durable.bytes.subarray(0, file.durable.size)),
    size: file.durable.size,
  }
  return lost
}
