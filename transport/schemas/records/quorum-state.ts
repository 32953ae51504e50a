/**
 * The state that a replica of the metadata quorum keeps beside its log (KIP-595, KIP-853).
 */
import { record } from '../../protocol/record.ts'
import { array, int32, int64, nullable, since, string, until, uuid } from '../../protocol/schema.ts'

/** The file `quorum-state`: epoch, leader and vote of a replica, as JSON. */
export const QuorumStateData = record(
  { name: 'QuorumStateData', versions: [0, 1], flexible: 0 },
  {
    clusterId: until(0, string),
    leaderId: int32,
    leaderEpoch: int32,
    votedId: int32,
    votedDirectoryId: since(1, uuid),
    appliedOffset: until(0, int64),
    currentVoters: until(0, nullable(array({ voterId: int32 }))),
  },
)
