import { api } from '../protocol/api.ts'
import { int16, int32, nullable, string, uuid } from '../protocol/schema.ts'

/** Removes a voter from the metadata quorum (KIP-853). */
export const RemoveRaftVoter = api(
  {
    key: 81,
    name: 'RemoveRaftVoter',
    versions: [0, 0],
    flexible: 0,
    listeners: ['controller', 'broker'],
  },
  {
    clusterId: nullable(string),
    voterId: int32,
    voterDirectoryId: uuid,
  },
  {
    throttleTimeMs: int32,
    errorCode: int16,
    errorMessage: nullable(string),
  },
)
