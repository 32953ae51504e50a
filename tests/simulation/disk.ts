/**
 * A simulated disk: the port's calls on a tree in memory, faults before each that touches the medium, and
 * what befalls disks from outside.
 */
import type { Disk, FileStat, OpenMode } from '../../runtime/disk/disk.ts'
import { apply, type Change, writeTo } from './disk-content.ts'
import {
  applyName,
  changeName,
  cloneOf,
  cut,
  type Entry,
  entryAt,
  newDirectory,
  newFile,
  partsOf,
  type SimDirectory,
  type SimFile,
  syncFile,
  syncTree,
  walk,
} from './disk-tree.ts'
import type { SeededRandom } from './random.ts'
import type { Machine } from './scheduler.ts'

export type DiskCopy = { readonly path: string; readonly what: Entry }

export type DiskFaults = {
  /** Mean of a sync, ms. */
  syncMs: number
  /**
   * Asked before each call that touches the medium; throws what the system would.
   *
   * @param isHeard false: whoever called has ended meanwhile, and hears of nothing
   */
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
/** It refuses nothing. */
export const calmCheck = (): void => {}
const syncMsMax = 30_000

/** @param machine whose time it is; its syncs complete on that */
export function createDisk(machine: Machine, random: SeededRandom): SimDisk {
  let root = newDirectory()
  const open = new Map<number, { file: SimFile; path: string }>()
  const locks = new Set<string>()
  let lastFd = 2
  /** Processes that had this disk before. */
  let ended = 0

  const find = (path: string) => entryAt(root, path)

  function directoryOf(path: string): SimDirectory {
    const found = find(path)
    if (found?.kind !== 'directory') throw new DiskError('ENOENT', path)
    return found
  }

  function split(path: string): { parent: SimDirectory; name: string } {
    const at = path.lastIndexOf('/')
    return { parent: directoryOf(path.slice(0, at)), name: path.slice(at + 1) }
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

  function syncNames(path: string, directory: SimDirectory, changes = directory.pending.length) {
    for (const each of directory.pending.splice(0, changes)) applyName(directory.durable, each)
    disk.watcher?.namesSynced(path)
  }

  const slowly = (): Promise<void> =>
    new Promise((done) => {
      machine.setTimeout(done, 0.02 + Math.min(random.exponential(disk.faults.syncMs), syncMsMax))
    })

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

  const disk: SimDisk = {
    faults: { syncMs: calmSyncMs, check: calmCheck },
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
      const durable = entryAt(root, path, 'durable')
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
