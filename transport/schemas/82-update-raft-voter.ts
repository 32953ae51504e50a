import { api } from '../protocol/api.ts'
import { array, int16, int32, nullable, string, tagged, uint16, uuid } from '../protocol/schema.ts'

/** A voter tells the leader its endpoints and the kraft.version range it supports (KIP-853). */
export const UpdateRaftVoter = api(
  { key: 82, name: 'UpdateRaftVoter', versions: [0, 0], flexible: 0, listeners: ['controller'] },
  {
    clusterId: nullable(string),
    currentLeaderEpoch: int32,
    voterId: int32,
    voterDirectoryId: uuid,
    listeners: array({ name: string, host: string, port: uint16 }),
    kRaftVersionFeature: { minSupportedVersion: int16, maxSupportedVersion: int16 },
  },
  {
    throttleTimeMs: int32,
    errorCode: int16,
    currentLeader: tagged(
      0,
      {
        leaderId: int32,
        leaderEpoch: int32,
        host: string,
        port: int32,
      },
      { leaderId: -1, leaderEpoch: -1, host: '', port: 0 },
    ),
  },
)
