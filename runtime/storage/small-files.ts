/**
 * Small files that are replaced as a whole: temporary file, sync, rename, sync of the directory
 * (S5). A reader finds the old or the new content, never a mixture; the temporary one is litter.
 */
import { type Disk, joinPath } from '../disk/disk.ts'

export const TEMPORARY = '.tmp'

export function replaceFile(disk: Disk, directory: string, name: string, content: string | Buffer) {
  const fd = writeDraft(disk, directory, name, content)
  try {
    disk.sync(fd)
  } finally {
    disk.close(fd)
  }
  disk.rename(joinPath(directory, name + TEMPORARY), joinPath(directory, name))
  disk.syncDirectory(directory)
}

/**
 * The same with its syncs off the loop. One at a time per file.
 * @param isWanted asked after each wait: the directory may be gone by then
 */
export async function replaceFileLater(
  disk: Disk,
  directory: string,
  name: string,
  content: string | Buffer,
  isWanted: () => boolean,
): Promise<void> {
  const fd = writeDraft(disk, directory, name, content)
  try {
    await disk.datasync(fd)
  } finally {
    disk.close(fd)
  }
  if (!isWanted()) return
  disk.rename(joinPath(directory, name + TEMPORARY), joinPath(directory, name))
  await disk.datasyncDirectory(directory)
}

function writeDraft(disk: Disk, directory: string, name: string, content: string | Buffer): number {
  const fd = disk.open(joinPath(directory, name + TEMPORARY), 'create')
  try {
    disk.write(fd, Buffer.from(content), 0)
    return fd
  } catch (error) {
    disk.close(fd)
    throw error
  }
}

/** A file whose content is not what its name promises. */
export class MalformedFileError extends Error {
  constructor(path: string, why: string) {
    super(`${path} is damaged: ${why}`)
    this.name = 'MalformedFileError'
  }
}
