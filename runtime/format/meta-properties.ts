/** `meta.properties`, for formatting and the start; what is damaged is told in one line. */
import { UserError } from '../config/user-error.ts'
import type { Disk } from '../disk/disk.ts'
import { nodeDisk } from '../disk/node-disk.ts'
import {
  type MetaProperties,
  readMetaProperties as readFrom,
  writeMetaProperties as writeTo,
} from '../storage/meta-properties.ts'
import { MalformedFileError } from '../storage/small-files.ts'

export type { MetaProperties }

/**
 * Undefined where the directory was never formatted.
 * @throws UserError
 */
export function readMetaProperties(
  directory: string,
  disk: Disk = nodeDisk,
): MetaProperties | undefined {
  try {
    return readFrom(disk, directory)
  } catch (error) {
    if (!(error instanceof MalformedFileError)) throw error
    throw new UserError(`${error.message}; restore it, or remove the folder and format it again`)
  }
}

export const writeMetaProperties = (directory: string, meta: MetaProperties): void =>
  writeTo(nodeDisk, directory, meta)
