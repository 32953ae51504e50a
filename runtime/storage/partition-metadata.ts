/** `partition.metadata`: the topic id that the files of a partition belong to (KIP-516). */
import { type Disk, joinPath } from '../disk/disk.ts'

export const PARTITION_METADATA = 'partition.metadata'

const content = (topicId: string) => `version: 0\ntopic_id: ${topicId}`

/** Not synced here: the first flush of the log makes it durable before it counts anything else. */
export function writePartitionMetadata(disk: Disk, directory: string, topicId: string) {
  disk.writeFile(joinPath(directory, PARTITION_METADATA), Buffer.from(content(topicId)))
}

/** undefined where it is missing or says something else. */
export function readTopicId(disk: Disk, directory: string): string | undefined {
  const text = disk.readFile(joinPath(directory, PARTITION_METADATA))?.toString('utf8')
  return text?.match(/^version: 0\r?\ntopic_id: ([\w-]{22})\r?\n?$/)?.[1]
}
