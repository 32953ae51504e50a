/** Tells of each call that reaches a disk's medium or its names. */
import type { Disk } from '../../runtime/disk/disk.ts'
import type { Tell } from './trace.ts'

type Fields = Record<string, unknown>

export function tracedDisk(disk: Disk, tell: Tell, node: number): Disk {
  const paths = new Map<number, string>()
  const pathOf = (fd: number) => paths.get(fd) ?? null
  const failedAs = (why: unknown) => ({ failed: why instanceof Error ? why.message : String(why) })

  function now<T>(op: string, fields: Fields, act: () => T): T {
    try {
      const result = act()
      tell('disk', { node, op, ...fields })
      return result
    } catch (why) {
      tell('disk', { node, op, ...fields, ...failedAs(why) })
      throw why
    }
  }

  async function later(op: string, fields: Fields, act: () => Promise<void>): Promise<void> {
    tell('disk', { node, op, ...fields })
    try {
      await act()
      tell('disk', { node, op: `${op} done`, ...fields })
    } catch (why) {
      tell('disk', { node, op: `${op} done`, ...fields, ...failedAs(why) })
      throw why
    }
  }

  return {
    ...disk,
    open(path, mode) {
      const fd = now('open', { path, mode }, () => disk.open(path, mode))
      paths.set(fd, path)
      return fd
    },
    close(fd) {
      now('close', { path: pathOf(fd) }, () => disk.close(fd))
      paths.delete(fd)
    },
    read: (fd, into, at, length, position) =>
      now('read', { path: pathOf(fd), position, bytes: length }, () =>
        disk.read(fd, into, at, length, position),
      ),
    write: (fd, bytes, position) =>
      now('write', { path: pathOf(fd), position, bytes: bytes.length }, () =>
        disk.write(fd, bytes, position),
      ),
    writev: (fd, parts, position) =>
      now(
        'writev',
        { path: pathOf(fd), position, bytes: parts.reduce((sum, { length }) => sum + length, 0) },
        () => disk.writev(fd, parts, position),
      ),
    truncate: (fd, sizeBytes) =>
      now('truncate', { path: pathOf(fd), position: sizeBytes }, () =>
        disk.truncate(fd, sizeBytes),
      ),
    rename(from, to) {
      now('rename', { path: from, to }, () => disk.rename(from, to))
      for (const [fd, path] of paths) {
        if (path === from) paths.set(fd, to)
        else if (path.startsWith(`${from}/`)) paths.set(fd, to + path.slice(from.length))
      }
    },
    mkdir: (path) => now('mkdir', { path }, () => disk.mkdir(path)),
    unlink: (path) => now('unlink', { path }, () => disk.unlink(path)),
    readFile: (path) => now('readFile', { path }, () => disk.readFile(path)),
    writeFile: (path, bytes) =>
      now('writeFile', { path, bytes: bytes.length }, () => disk.writeFile(path, bytes)),
    sync: (fd) => now('sync', { path: pathOf(fd) }, () => disk.sync(fd)),
    syncDirectory: (path) => now('syncDirectory', { path }, () => disk.syncDirectory(path)),
    datasync: (fd) => later('datasync', { path: pathOf(fd) }, () => disk.datasync(fd)),
    datasyncDirectory: (path) =>
      later('datasyncDirectory', { path }, () => disk.datasyncDirectory(path)),
    removeTree: (path) => later('removeTree', { path }, () => disk.removeTree(path)),
  }
}
