/**
 * The disk as storage sees it: synchronous calls into the page cache, and the few that must not run
 * on the loop as promises. Real files behind `node-disk.ts`; a simulated one loses what was not synced.
 *
 * Paths are absolute, joined by `/`. A call that fails throws the system's error with its `code`;
 * only a missing file is an answer rather than an error.
 */

export type FileStat = { sizeBytes: number; modifiedMs: number; isDirectory: boolean }

/** `usableBytes` are those that this process may still write. */
export type DiskSpace = { totalBytes: number; usableBytes: number }

/** `read` and `write` want the file to be there; `create` makes it, or empties it. */
export type OpenMode = 'read' | 'write' | 'create'

export type DiskLock = { release(): void }

export type Disk = {
  open(path: string, mode: OpenMode): number
  close(fd: number): void
  /** @returns bytes read: fewer than asked only at the end of the file */
  read(fd: number, into: Buffer, at: number, length: number, position: number): number
  /** Writes all of `bytes`, or throws. */
  write(fd: number, bytes: Buffer, position: number): void
  writev(fd: number, parts: Buffer[], position: number): void
  truncate(fd: number, sizeBytes: number): void
  rename(from: string, to: string): void
  /** With its parents; no error when it is there. */
  mkdir(path: string): void
  /** Names, sorted. */
  readdir(path: string): string[]
  stat(path: string): FileStat | undefined
  /** Of the volume that a path lies on, as `df` tells it; undefined where that is not told. */
  space(path: string): DiskSpace | undefined
  /** For small files: a GiB takes 0.2 s, which belongs into `removeTree`. */
  unlink(path: string): void
  readFile(path: string): Buffer | undefined
  writeFile(path: string, bytes: Buffer): void
  sync(fd: number): void
  /** Makes names in a directory durable: created, renamed, removed ones. */
  syncDirectory(path: string): void

  datasync(fd: number): Promise<void>
  datasyncDirectory(path: string): Promise<void>
  /** A file, or a directory with all that is in it; no error when it is gone. */
  removeTree(path: string): Promise<void>

  /**
   * Takes a file as the lock of its directory. The lock ends with its process.
   * @returns who holds it, in words, when it is taken
   */
  lock(path: string): DiskLock | string
}

export const joinPath = (directory: string, name: string) => `${directory}/${name}`
