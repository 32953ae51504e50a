/**
 * The disk of one log directory. The first failure takes the directory offline: from then on every
 * call throws, so that a sync that succeeds later cannot hide one that failed (S6).
 */
import { StorageError } from '../../actors/ports/log.ts'
import type { Disk } from './disk.ts'

export type GuardedDisk = Disk & { failure(): StorageError | undefined }

/** @param onFailure called once, with the first failure, before it is thrown */
export function guardDisk(
  disk: Disk,
  directory: string,
  onFailure: (failure: StorageError) => void,
): GuardedDisk {
  let failure: StorageError | undefined

  function failed(cause: unknown): StorageError {
    if (cause instanceof StorageError) return cause
    if (failure === undefined) {
      const why = cause instanceof Error ? cause.message : String(cause)
      failure = new StorageError(directory, `log directory ${directory} failed: ${why}`, cause)
      onFailure(failure)
    }
    return failure
  }
  function guarded<Args extends unknown[], T>(act: (...args: Args) => T) {
    return (...args: Args): T => {
      if (failure !== undefined) throw failure
      try {
        return act(...args)
      } catch (cause) {
        throw failed(cause)
      }
    }
  }
  function guardedLater<Args extends unknown[]>(act: (...args: Args) => Promise<void>) {
    return async (...args: Args): Promise<void> => {
      if (failure !== undefined) throw failure
      try {
        await act(...args)
      } catch (cause) {
        throw failed(cause)
      }
      if (failure !== undefined) throw failure
    }
  }

  return {
    failure: () => failure,
    open: guarded(disk.open),
    close: disk.close,
    read: guarded(disk.read),
    write: guarded(disk.write),
    writev: guarded(disk.writev),
    truncate: guarded(disk.truncate),
    rename: guarded(disk.rename),
    mkdir: guarded(disk.mkdir),
    readdir: guarded(disk.readdir),
    stat: guarded(disk.stat),
    // Nothing that is stored depends on it: a failure here takes no directory offline.
    space: disk.space,
    unlink: guarded(disk.unlink),
    readFile: guarded(disk.readFile),
    writeFile: guarded(disk.writeFile),
    sync: guarded(disk.sync),
    syncDirectory: guarded(disk.syncDirectory),
    datasync: guardedLater(disk.datasync),
    datasyncDirectory: guardedLater(disk.datasyncDirectory),
    removeTree: guardedLater(disk.removeTree),
    lock: disk.lock,
  }
}
