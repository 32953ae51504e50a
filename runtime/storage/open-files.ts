/**
 * File handles, opened when first needed and closed when others are needed more: thousands of idle
 * logs hold none. The least recently used go first; one whose sync is in flight stays open.
 */
import type { Disk } from '../disk/disk.ts'

export type OpenFile = {
  readonly disk: Disk
  path: string
  /** -1 while closed. */
  fd: number
  /** Asynchronous calls in flight. */
  pins: number
}

export type OpenFiles = {
  /** The handle, valid until the next call for another file. */
  fd(file: OpenFile): number
  /** Keeps the handle open through an asynchronous call. */
  whilePinned(file: OpenFile, act: (fd: number) => Promise<void>): Promise<void>
  /** Makes the file, or empties it. */
  make(file: OpenFile): void
  close(file: OpenFile): void
  closeAll(): void
}

export const closedFile = (disk: Disk, path: string): OpenFile => ({ disk, path, fd: -1, pins: 0 })

export function createOpenFiles(filesMax: number): OpenFiles {
  /** In order of use, the latest last. */
  const open = new Set<OpenFile>()
  let latest: OpenFile | undefined
  const abandoned = new Set<number>()

  function used(file: OpenFile) {
    if (file === latest) return
    open.delete(file)
    open.add(file)
    latest = file
  }
  function makeRoom() {
    for (const file of open) {
      if (open.size < filesMax) return
      if (file.pins === 0) close(file)
    }
  }
  function opened(file: OpenFile, mode: 'write' | 'create'): number {
    makeRoom()
    file.fd = file.disk.open(file.path, mode)
    used(file)
    return file.fd
  }
  function close(file: OpenFile) {
    if (file.fd === -1) return
    open.delete(file)
    if (latest === file) latest = undefined
    // A pinned handle is closed by who holds it: `whilePinned` finds it gone from here.
    if (file.pins === 0) file.disk.close(file.fd)
    else abandoned.add(file.fd)
    file.fd = -1
  }
  function fdOf(file: OpenFile): number {
    if (file.fd === -1) return opened(file, 'write')
    used(file)
    return file.fd
  }

  return {
    fd: fdOf,
    async whilePinned(file, act) {
      const fd = fdOf(file)
      file.pins++
      try {
        await act(fd)
      } finally {
        file.pins--
        if (file.pins === 0 && abandoned.delete(fd)) file.disk.close(fd)
      }
    },
    make(file) {
      opened(file, 'create')
    },
    close,
    closeAll() {
      for (const file of open) close(file)
    },
  }
}
