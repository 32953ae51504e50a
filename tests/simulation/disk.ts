/**
 * Files in memory, each twice: as the page cache has it and as it would be found after a power cut.
 *
 * What was written but not synced survives a power cut as chance has it: each write, truncation and
 * directory entry by itself, and the last write perhaps up to some byte only. A rename within a
 * directory is atomic. A file that was synced but whose name was not is gone.
 */
import type { Disk, FileStat, OpenMode } from '../../runtime/disk/disk.ts'
import type { SeededRandom } from './random.ts'
import type { Machine } from './scheduler.ts'

type Change = { position: number; bytes: Buffer } | { truncateTo: number }

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

type Entry = SimFile | SimDirectory

export type DiskCopy = { readonly path: string; readonly what: Entry }

export type DiskFaults = {
  /** Mean of a sync, ms. */
  syncMs: number
  /** Asked before each call that touches the medium; throws what the system would. */
  /** @param isHeard false: whoever called has ended meanwhile, and hears of nothing */
  check: (operation: 'read' | 'write' | 'sync', path: string, isHeard?: boolean) => void
}

/** What the checker hears; paths as they are now. */
export type DiskWatcher = {
  wrote(path: string, position: number): void
  renamed(from: string, to: string): void
  removed(path: string): void
  namesSynced(directory: string): void
}

export type SimDisk = Disk & {
  faults: DiskFaults
  watcher: DiskWatcher | undefined
  /** Cached, and what a power cut would leave for certain. */
  file(path: string): { data: Buffer; durable: Buffer | undefined } | undefined
  /** What a directory has, though the disk may refuse it to its node. */
  names(path: string): string[]
  /** Paths of all files. */
  files(): Iterable<string>
  /** The process ended: its locks are free. What is cached stays. */
  processEnded(): void
  /** The power went: what was not synced survives as chance has it. */
  powerCut(random: SeededRandom): { lost: number }
  /** Of what is cached, and of what is durable. */
  flip(path: string, position: number, bit: number): void
  overwrite(path: string, position: number, bytes: Buffer): void
  /** All that is cached is durable. */
  syncAll(): void
  /** What a folder holds, to be put back later: as it is by then. */
  copy(path: string): DiskCopy
  putBack(copy: DiskCopy): void
  /** Another disk was put in, or another one for this path. */
  wipe(path?: string): void
  pendingChanges(): number
  openFiles(): number
}

/** Bytes that grow by doubling. */
type Content = { bytes: Buffer; size: number }

const emptyContent = (): Content => ({ bytes: Buffer.alloc(0), size: 0 })

function writeTo(content: Content, position: number, bytes: Buffer): void {
  const end = position + bytes.length
  if (end > content.bytes.length) {
    const larger = Buffer.alloc(Math.max(end, content.bytes.length * 2, 256))
    content.bytes.copy(larger, 0, 0, content.size)
    content.bytes = larger
  }
  bytes.copy(content.bytes, position)
  content.size = Math.max(content.size, end)
}

function truncate(content: Content, size: number): void {
  if (size < content.size) content.bytes.fill(0, size, content.size)
  else if (size > content.size) writeTo(content, size - 1, Buffer.alloc(1))
  content.size = size
}

function apply(content: Content, change: Change): void {
  if ('truncateTo' in change) truncate(content, change.truncateTo)
  else writeTo(content, change.position, change.bytes)
}

/** All of it durable. */
function cloneOf(entry: Entry): Entry {
  if (entry.kind === 'file') {
    const { size, bytes } = entry.data
    const same = () => ({ bytes: Buffer.from(bytes.subarray(0, size)), size })
    return { ...entry, data: same(), durable: same(), pending: [] }
  }
  const names = new Map([...entry.names].map(([name, each]) => [name, cloneOf(each)] as const))
  return { kind: 'directory', names, durable: new Map(names), pending: [] }
}

const newFile = (): SimFile => ({
  kind: 'file',
  data: emptyContent(),
  durable: emptyContent(),
  pending: [],
  modifiedMs: 0,
})

const newDirectory = (): SimDirectory => ({
  kind: 'directory',
  names: new Map(),
  durable: new Map(),
  pending: [],
})

function applyName(names: Map<string, Entry>, change: NameChange): void {
  if ('add' in change) names.set(change.add, change.what)
  else if ('remove' in change) names.delete(change.remove)
  else {
    names.delete(change.rename)
    names.set(change.to, change.what)
  }
}

export class DiskError extends Error {
  readonly code: string
  /** Of what was to be written, so much is there all the same. */
  readonly share: number
  constructor(code: string, path: string, share = 0) {
    super(`${code}: ${path}`)
    this.code = code
    this.share = share
  }
}

export const calmSyncMs = 0.3
const syncMsMax = 30_000

/** @param machine whose time it is; its syncs complete on that */
export function createDisk(machine: Machine, random: SeededRandom): SimDisk {
  let root = newDirectory()
  const open = new Map<number, { file: SimFile; path: string }>()
  const locks = new Set<string>()
  let lastFd = 2
  /** Processes that had this disk before. */
  let ended = 0

  const partsOf = (path: string) => path.split('/').filter((part) => part !== '')

  function find(path: string): Entry | undefined {
    let at: Entry | undefined = root
    for (const part of partsOf(path)) {
      if (at?.kind !== 'directory') return undefined
      at = at.names.get(part)
    }
    return at
  }

  function directoryOf(path: string): SimDirectory {
    const found = find(path)
    if (found?.kind !== 'directory') throw new DiskError('ENOENT', path)
    return found
  }

  function split(path: string): { parent: SimDirectory; name: string } {
    const at = path.lastIndexOf('/')
    return { parent: directoryOf(path.slice(0, at)), name: path.slice(at + 1) }
  }

  function changeName(directory: SimDirectory, change: NameChange): void {
    applyName(directory.names, change)
    directory.pending.push(change)
  }

  function fileOf(fd: number): { file: SimFile; path: string } {
    const found = open.get(fd)
    if (found === undefined) throw new DiskError('EBADF', String(fd))
    return found
  }

  function change(file: SimFile, next: Change): void {
    apply(file.data, next)
    file.pending.push(next)
    file.modifiedMs = machine.now()
  }

  function syncFile(file: SimFile, changes = file.pending.length): void {
    for (const each of file.pending.splice(0, changes)) apply(file.durable, each)
  }

  function syncNames(path: string, directory: SimDirectory, changes = directory.pending.length) {
    for (const each of directory.pending.splice(0, changes)) applyName(directory.durable, each)
    disk.watcher?.namesSynced(path)
  }

  const slowly = (): Promise<void> =>
    new Promise((done) => {
      machine.setTimeout(done, 0.02 + Math.min(random.exponential(disk.faults.syncMs), syncMsMax))
    })

  function* walk(directory: SimDirectory, path: string): Generator<[string, SimFile]> {
    for (const [name, entry] of directory.names) {
      const at = `${path}/${name}`
      if (entry.kind === 'file') yield [at, entry]
      else yield* walk(entry, at)
    }
  }

  function syncTree(directory: SimDirectory): void {
    for (const each of directory.pending.splice(0)) applyName(directory.durable, each)
    for (const entry of directory.names.values()) {
      if (entry.kind === 'file') syncFile(entry)
      else syncTree(entry)
    }
  }

  /** The durable entry of a path, by durable names all the way. */
  function durableAt(path: string): Entry | undefined {
    let at: Entry | undefined = root
    for (const part of partsOf(path)) {
      if (at?.kind !== 'directory') return undefined
      at = at.durable.get(part)
    }
    return at
  }

  function create(path: string): SimFile {
    const { parent, name } = split(path)
    const there = parent.names.get(name)
    if (there?.kind === 'directory') throw new DiskError('EISDIR', path)
    if (there !== undefined) {
      change(there, { truncateTo: 0 })
      disk.watcher?.wrote(path, 0)
      return there
    }
    const file = newFile()
    changeName(parent, { add: name, what: file })
    return file
  }

  function cut(directory: SimDirectory, chance: SeededRandom): number {
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

  const disk: SimDisk = {
    faults: { syncMs: calmSyncMs, check: () => {} },
    watcher: undefined,
    open(path: string, mode: OpenMode) {
      let file: SimFile
      if (mode === 'create') {
        disk.faults.check('write', path)
        file = create(path)
      } else {
        const found = find(path)
        if (found?.kind !== 'file') throw new DiskError('ENOENT', path)
        file = found
      }
      open.set(++lastFd, { file, path })
      return lastFd
    },
    close: (fd) => void open.delete(fd),
    read(fd, into, at, length, position) {
      const { file, path } = fileOf(fd)
      disk.faults.check('read', path)
      const end = Math.min(position + length, file.data.size)
      if (end <= position) return 0
      return file.data.bytes.copy(into, at, position, end)
    },
    write(fd, bytes, position) {
      const { file, path } = fileOf(fd)
      const put = (length: number) => {
        change(file, { position, bytes: Buffer.from(bytes.subarray(0, length)) })
        disk.watcher?.wrote(path, position)
      }
      try {
        disk.faults.check('write', path)
      } catch (why) {
        const share = why instanceof DiskError ? why.share : 0
        if (share > 0) put(Math.floor(bytes.length * share))
        throw why
      }
      put(bytes.length)
    },
    writev(fd, parts, position) {
      disk.write(fd, Buffer.concat(parts), position)
    },
    truncate(fd, sizeBytes) {
      const { file, path } = fileOf(fd)
      disk.faults.check('write', path)
      change(file, { truncateTo: sizeBytes })
      disk.watcher?.wrote(path, sizeBytes)
    },
    rename(from, to) {
      disk.faults.check('write', from)
      const source = split(from)
      const target = split(to)
      const what = source.parent.names.get(source.name)
      if (what === undefined) throw new DiskError('ENOENT', from)
      if (source.parent !== target.parent) {
        changeName(target.parent, { add: target.name, what })
        changeName(source.parent, { remove: source.name })
      } else changeName(source.parent, { rename: source.name, to: target.name, what })
      for (const each of open.values()) {
        if (each.path === from) each.path = to
        else if (each.path.startsWith(`${from}/`)) each.path = to + each.path.slice(from.length)
      }
      disk.watcher?.renamed(from, to)
    },
    mkdir(path) {
      let at = root
      for (const part of partsOf(path)) {
        let next = at.names.get(part)
        if (next === undefined) {
          disk.faults.check('write', path)
          next = newDirectory()
          changeName(at, { add: part, what: next })
        }
        if (next.kind !== 'directory') throw new DiskError('ENOTDIR', path)
        at = next
      }
    },
    readdir(path) {
      disk.faults.check('read', path)
      return disk.names(path)
    },
    stat(path): FileStat | undefined {
      const found = find(path)
      if (found === undefined) return undefined
      return found.kind === 'directory'
        ? { sizeBytes: 0, modifiedMs: 0, isDirectory: true }
        : { sizeBytes: found.data.size, modifiedMs: found.modifiedMs, isDirectory: false }
    },
    unlink(path) {
      disk.faults.check('write', path)
      const { parent, name } = split(path)
      if (!parent.names.has(name)) throw new DiskError('ENOENT', path)
      changeName(parent, { remove: name })
      disk.watcher?.removed(path)
    },
    readFile(path) {
      const found = find(path)
      if (found === undefined) return undefined
      disk.faults.check('read', path)
      if (found.kind === 'directory') throw new DiskError('EISDIR', path)
      return Buffer.from(found.data.bytes.subarray(0, found.data.size))
    },
    writeFile(path, bytes) {
      disk.faults.check('write', path)
      change(create(path), { position: 0, bytes: Buffer.from(bytes) })
      disk.watcher?.wrote(path, 0)
    },
    sync(fd) {
      const { file, path } = fileOf(fd)
      disk.faults.check('sync', path)
      syncFile(file)
    },
    syncDirectory(path) {
      disk.faults.check('sync', path)
      syncNames(path, directoryOf(path))
    },
    // As large as nothing that is simulated fills.
    space: () => ({ totalBytes: 2 ** 40, usableBytes: 2 ** 39 }),
    async datasync(fd) {
      const { file, path } = fileOf(fd)
      const last = file.pending.at(-1)
      const before = ended
      await slowly()
      disk.faults.check('sync', path, before === ended)
      // A sync covers what was written before it; one that ended earlier may have done its part.
      const upTo = last === undefined ? -1 : file.pending.indexOf(last)
      syncFile(file, upTo + 1)
    },
    async datasyncDirectory(path) {
      const directory = directoryOf(path)
      const last = directory.pending.at(-1)
      const before = ended
      await slowly()
      disk.faults.check('sync', path, before === ended)
      const upTo = last === undefined ? -1 : directory.pending.indexOf(last)
      syncNames(path, directory, upTo + 1)
    },
    async removeTree(path) {
      const before = ended
      await slowly()
      const found = find(path)
      if (found === undefined) return
      disk.faults.check('write', path, before === ended)
      const { parent, name } = split(path)
      changeName(parent, { remove: name })
      disk.watcher?.removed(path)
    },
    lock(path) {
      if (locks.has(path)) return 'another process'
      locks.add(path)
      return { release: () => void locks.delete(path) }
    },
    file(path) {
      const found = find(path)
      if (found?.kind !== 'file') return undefined
      const durable = durableAt(path)
      return {
        data: found.data.bytes.subarray(0, found.data.size),
        durable:
          durable?.kind === 'file'
            ? durable.durable.bytes.subarray(0, durable.durable.size)
            : undefined,
      }
    },
    names: (path) => [...directoryOf(path).names.keys()].sort(),
    *files() {
      for (const [path] of walk(root, '')) yield path
    },
    processEnded() {
      ended++
      open.clear()
      locks.clear()
    },
    powerCut: (chance) => ({ lost: cut(root, chance) }),
    flip(path, position, bit) {
      const found = find(path)
      if (found?.kind !== 'file') throw new DiskError('ENOENT', path)
      for (const { bytes, size } of [found.data, found.durable]) {
        if (position < size) bytes[position]! ^= 1 << bit
      }
    },
    overwrite(path, position, bytes) {
      const found = find(path)
      if (found?.kind !== 'file') throw new DiskError('ENOENT', path)
      for (const content of [found.data, found.durable]) {
        if (position + bytes.length <= content.size) writeTo(content, position, bytes)
      }
    },
    syncAll: () => syncTree(root),
    copy: (path) => ({ path, what: cloneOf(find(path)!) }),
    putBack({ path, what }) {
      const { parent, name } = split(path)
      const again = cloneOf(what)
      parent.names.set(name, again)
      parent.durable.set(name, again)
    },
    wipe(path) {
      if (path === undefined) {
        root = newDirectory()
        return
      }
      const { parent, name } = split(path)
      parent.names.delete(name)
      parent.durable.delete(name)
      parent.pending = []
    },
    openFiles: () => open.size,
    pendingChanges() {
      let changes = root.pending.length
      for (const [, file] of walk(root, '')) changes += file.pending.length
      return changes
    },
  }
  return disk
}
