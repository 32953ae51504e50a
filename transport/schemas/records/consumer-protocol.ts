/**
 * What consumers in a classic group tell each other; the coordinator passes it on unread. An
 * int16 version leads it.
 */
import { record } from '../../protocol/record.ts'
import { array, bytes, ignorable, int32, nullable, since, string } from '../../protocol/schema.ts'

/** What a consumer in a classic group subscribes to, and what it owns. */
export const ConsumerProtocolSubscription = record(
  { name: 'ConsumerProtocolSubscription', versions: [0, 3] },
  {
    topics: array(string),
    userData: nullable(bytes),
    ownedPartitions: ignorable(since(1, array({ topic: string, partitions: array(int32) }))),
    generationId: ignorable(since(2, int32, -1)),
    rackId: ignorable(since(3, nullable(string), null)),
  },
)

/** The partitions that the leader of a classic group gives to a consumer. */
export const ConsumerProtocolAssignment = record(
  { name: 'ConsumerProtocolAssignment', versions: [0, 3] },
  {
    assignedPartitions: array({ topic: string, partitions: array(int32) }),
    userData: nullable(bytes),
  },
)
