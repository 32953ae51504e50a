/** Real files, by node:fs. */
import {
  closeSync,
  fdatasync,
  fsync,
  fsyncSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  promises,
  readdirSync,
  readFileSync,
  readSync,
  renameSync,
  statfsSync,
  statSync,
  unlinkSync,
  writeFileSync,
  writeSync,
  writevSync,
} from 'node:fs'
import { promisify } from 'node:util'
import type { Disk, FileStat, OpenMode } from './disk.ts'
import { lockFile } from './node-lock.ts'

const flags: Record<OpenMode, string> = { read: 'r', write: 'r+', create: 'w+' }
const datasync = promisify(fdatasync)
const syncAll = promisify(fsync)

export const nodeDisk: Disk = {
  open: (path, mode) => openSync(path, flags[mode]),
  close: (fd) => closeSync(fd),
  read: readFully,
  write: writeFully,
  writev(fd, parts, position) {
    const bytes = parts.reduce((sum, part) => sum + part.length, 0)
    const written = writevSync(fd, parts, position)
    if (written < bytes) writeFully(fd, Buffer.concat(parts).subarray(written), position + written)
  },
  truncate: (fd, sizeBytes) => ftruncateSync(fd, sizeBytes),
  rename: (from, to) => renameSync(from, to),
  mkdir(path) {
    mkdirSync(path, { recursive: true })
  },
  readdir: (path) => readdirSync(path).sort(),
  stat: (path) => unlessMissing(() => stat(path)),
  space(path) {
    const { bsize, blocks, bavail } = statfsSync(path)
    return { totalBytes: bsize * blocks, usableBytes: bsize * bavail }
  },
  unlink: (path) => unlinkSync(path),
  readFile: (path) => unlessMissing(() => readFileSync(path)),
  writeFile: (path, bytes) => writeFileSync(path, bytes),
  sync: (fd) => fsyncSync(fd),
  syncDirectory(path) {
    const fd = openDirectory(path)
    if (fd === undefined) return
    try {
      fsyncSync(fd)
    } finally {
      closeSync(fd)
    }
  },
  datasync: (fd) => datasync(fd),
  async datasyncDirectory(path) {
    const fd = openDirectory(path)
    if (fd === undefined) return
    try {
      await syncAll(fd)
    } finally {
      closeSync(fd)
    }
  },
  removeTree: (path) => promises.rm(path, { recursive: true, force: true }),
  lock: lockFile,
}

function stat(path: string): FileStat {
  const found = statSync(path)
  return {
    sizeBytes: found.size,
    modifiedMs: Math.trunc(found.mtimeMs),
    isDirectory: found.isDirectory(),
  }
}

/** Reads and writes may be cut short by signals and by the 2 GiB bound of one call. */
function readFully(fd: number, into: Buffer, at: number, length: number, position: number) {
  let done = 0
  while (done < length) {
    const bytes = readSync(fd, into, at + done, length - done, position + done)
    if (bytes === 0) break
    done += bytes
  }
  return done
}

function writeFully(fd: number, bytes: Buffer, position: number) {
  let done = 0
  while (done < bytes.length) {
    done += writeSync(fd, bytes, done, bytes.length - done, position + done)
  }
}

function unlessMissing<T>(act: () => T): T | undefined {
  try {
    return act()
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}

/** Windows does not open directories, and needs no sync of theirs. */
const openDirectory = (path: string) =>
  process.platform === 'win32' ? undefined : openSync(path, 'r')
