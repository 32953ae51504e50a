/**
 * Snapshots of the metadata log: `<offset>-<epoch>.checkpoint`, with `.part` while they are written.
 * Source: KIP-630.
 */
import { invariant } from '../../actors/invariant.ts'
import type { SnapshotId, SnapshotReader, SnapshotWriter } from '../../actors/ports/quorum-store.ts'
import { type Disk, joinPath } from '../disk/disk.ts'
import { isWhole } from './held-end.ts'
import { closedFile, type OpenFiles } from './open-files.ts'
import { walkBatches } from './walk.ts'

const COMPLETE = /^(\d{20})-(\d{10})\.checkpoint$/
const PART = '.part'
const DAMAGED = '.damaged'
/** Written bytes are synced in the background as they come, so that the last sync is short. */
const SYNC_EVERY_BYTES = 4 * 1024 * 1024

export const snapshotFileName = ({ offset, epoch }: SnapshotId) =>
  `${String(offset).padStart(20, '0')}-${String(epoch).padStart(10, '0')}.checkpoint`

export function listSnapshots(disk: Disk, directory: string): SnapshotId[] {
  return disk.readdir(directory).flatMap((name) => {
    const [, offset, epoch] = COMPLETE.exec(name) ?? []
    return offset === undefined ? [] : [{ offset: Number(offset), epoch: Number(epoch) }]
  })
}

/** What a crash left half written is never read. */
export function dropParts(disk: Disk, directory: string) {
  for (const name of disk.readdir(directory)) {
    if (name.endsWith(`.checkpoint${PART}`)) disk.unlink(joinPath(directory, name))
  }
}

/** Whether all its batches are what their CRCs say (R16). */
export function isSnapshotSound(
  files: OpenFiles,
  disk: Disk,
  directory: string,
  id: SnapshotId,
): boolean {
  const path = joinPath(directory, snapshotFileName(id))
  const sizeBytes = disk.stat(path)?.sizeBytes ?? 0
  const file = closedFile(disk, path)
  const end = walkBatches({ log: file, sizeBytes }, files, 0, 'whole', isWhole)
  files.close(file)
  return sizeBytes > 0 && end === sizeBytes
}

/** It counts for nothing any more; a person may look at it. */
export function setSnapshotAside(disk: Disk, directory: string, id: SnapshotId) {
  const path = joinPath(directory, snapshotFileName(id))
  disk.rename(path, path + DAMAGED)
  disk.syncDirectory(directory)
}

export function openSnapshot(
  files: OpenFiles,
  disk: Disk,
  directory: string,
  id: SnapshotId,
): SnapshotReader | undefined {
  const path = joinPath(directory, snapshotFileName(id))
  const found = disk.stat(path)
  if (found === undefined) return undefined
  const file = closedFile(disk, path)
  return {
    id,
    sizeBytes: found.sizeBytes,
    read(position, maxBytes) {
      const length = Math.max(0, Math.min(maxBytes, found.sizeBytes - position))
      const bytes = Buffer.allocUnsafeSlow(length)
      return bytes.subarray(0, disk.read(files.fd(file), bytes, 0, length, position))
    },
  }
}

export function createSnapshot(
  files: OpenFiles,
  disk: Disk,
  directory: string,
  id: SnapshotId,
): SnapshotWriter {
  const path = joinPath(directory, snapshotFileName(id))
  const file = closedFile(disk, path + PART)
  files.make(file)
  let sizeBytes = 0
  let syncedBytes = 0
  let isOpen = true

  function syncBehind() {
    syncedBytes = sizeBytes
    // A failure takes the directory offline, and `freeze` throws.
    files.whilePinned(file, (fd) => disk.datasync(fd)).catch(() => {})
  }
  function close() {
    isOpen = false
    files.close(file)
  }

  return {
    append(bytes) {
      invariant(isOpen, 'a frozen snapshot does not change', id)
      disk.write(files.fd(file), bytes, sizeBytes)
      sizeBytes += bytes.length
      if (sizeBytes - syncedBytes >= SYNC_EVERY_BYTES) syncBehind()
    },
    sizeBytes: () => sizeBytes,
    freeze() {
      invariant(isOpen, 'a snapshot is frozen once, and not when abandoned', id)
      disk.sync(files.fd(file))
      close()
      disk.rename(path + PART, path)
      disk.syncDirectory(directory)
    },
    abandon() {
      if (!isOpen) return
      close()
      disk.unlink(path + PART)
    },
  }
}
