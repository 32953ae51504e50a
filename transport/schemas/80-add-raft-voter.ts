import { api } from '../protocol/api.ts'
import {
  array,
  boolean,
  int16,
  int32,
  nullable,
  since,
  string,
  uint16,
  uuid,
} from '../protocol/schema.ts'

/** Adds a voter to the metadata quorum (KIP-853). */
export const AddRaftVoter = api(
  {
    key: 80,
    name: 'AddRaftVoter',
    versions: [0, 1],
    flexible: 0,
    listeners: ['controller', 'broker'],
  },
  {
    clusterId: nullable(string),
    timeoutMs: int32,
    voterId: int32,
    voterDirectoryId: uuid,
    listeners: array({ name: string, host: string, port: uint16 }),
    ackWhenCommitted: since(1, boolean, true),
  },
  {
    throttleTimeMs: int32,
    errorCode: int16,
    errorMessage: nullable(string),
  },
)
