import { api } from '../protocol/api.ts'
import {
  array,
  boolean,
  ignorable,
  int16,
  int32,
  int64,
  nullable,
  since,
  string,
} from '../protocol/schema.ts'

/**
 * Shows the log directories of a broker and the sizes of the replicas in them (KIP-113, KIP-827).
 */
export const DescribeLogDirs = api(
  { key: 35, name: 'DescribeLogDirs', versions: [1, 5], flexible: 2, listeners: ['broker'] },
  {
    topics: nullable(array({ topic: string, partitions: array(int32) })),
  },
  {
    throttleTimeMs: int32,
    errorCode: ignorable(since(3, int16)),
    results: array({
      errorCode: int16,
      logDir: string,
      topics: array({
        name: string,
        partitions: array({
          partitionIndex: int32,
          partitionSize: int64,
          offsetLag: int64,
          isFutureKey: boolean,
        }),
      }),
      totalBytes: ignorable(since(4, int64, -1)),
      usableBytes: ignorable(since(4, int64, -1)),
      isCordoned: ignorable(since(5, boolean)),
    }),
  },
)
