/**
 * DescribeLogDirs v1-5: what lies in this broker's log directories (KIP-113).
 *
 * Sizes of the volumes (v4) are -1 where the system does not tell them. Nothing is moved between directories, so there are
 * no future replicas.
 */
import type { Response } from '../../transport/protocol/api.ts'
import { errorCodes } from '../../transport/protocol/errors.ts'
import { DescribeLogDirs } from '../../transport/schemas/35-describe-log-dirs.ts'
import type { DataBroker } from '../broker/types.ts'
import { handler } from './handler.ts'

type Directory = Response<typeof DescribeLogDirs>['results'][number]
type Topic = Directory['topics'][number]

const unknownSpace = { totalBytes: -1, usableBytes: -1 }

export const describeLogDirs = handler<typeof DescribeLogDirs, DataBroker>(
  DescribeLogDirs,
  [1, 5],
  ({ topics }, _, host) => {
    const wanted = topics && new Map(topics.map((t) => [t.topic, new Set(t.partitions)]))
    return {
      throttleTimeMs: 0,
      errorCode: errorCodes.NONE,
      results: host.replicas.directories().map(({ id, path, online }) => ({
        errorCode: errorCodes[online ? 'NONE' : 'KAFKA_STORAGE_ERROR'],
        logDir: path,
        topics: online ? topicsIn(id) : [],
        ...(host.replicas.space(id) ?? unknownSpace),
        isCordoned: false,
      })),
    }

    function topicsIn(directoryId: string): Topic[] {
      const found = new Map<string, Topic>()
      for (const { topic: name, partition, log, highWatermark } of host.replicas.rows()) {
        if (log?.directoryId !== directoryId) continue
        if (wanted !== null && !wanted.get(name)?.has(partition)) continue
        const topic = found.get(name) ?? { name, partitions: [] }
        found.set(name, topic)
        topic.partitions.push({
          partitionIndex: partition,
          partitionSize: log.sizeBytes(),
          offsetLag: Math.max(0, log.endOffset() - highWatermark),
          isFutureKey: false,
        })
      }
      return [...found.values()]
    }
  },
  (_, error) => ({ throttleTimeMs: 0, errorCode: errorCodes[error], results: [] }),
)
