/** Requests as a test wants to say them. */
import type { Request } from '../../transport/protocol/api.ts'
import type { CreateTopics } from '../../transport/schemas/19-create-topics.ts'

type Topic = Request<typeof CreateTopics>['topics'][number]

export const topic = (name: string, more: Partial<Topic> = {}): Topic => ({
  name,
  numPartitions: 1,
  replicationFactor: 1,
  assignments: [],
  configs: [],
  ...more,
})

/** A topic whose partitions have these replicas. */
export const assigned = (name: string, ...replicas: number[][]): Topic =>
  topic(name, {
    numPartitions: -1,
    replicationFactor: -1,
    assignments: replicas.map((brokerIds, partitionIndex) => ({ partitionIndex, brokerIds })),
  })
