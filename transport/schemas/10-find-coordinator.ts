import { api } from '../protocol/api.ts'
import {
  array,
  ignorable,
  int8,
  int16,
  int32,
  nullable,
  since,
  string,
  until,
} from '../protocol/schema.ts'

/**
 * Tells which broker coordinates a group, a transactional id or a share partition (KIP-699:
 * several keys at once).
 */
export const FindCoordinator = api(
  { key: 10, name: 'FindCoordinator', versions: [0, 6], flexible: 3, listeners: ['broker'] },
  {
    key: until(3, string),
    keyType: since(1, int8),
    coordinatorKeys: since(4, array(string)),
  },
  {
    throttleTimeMs: ignorable(since(1, int32)),
    errorCode: until(3, int16),
    errorMessage: ignorable(since(1, until(3, nullable(string)))),
    nodeId: until(3, int32),
    host: until(3, string),
    port: until(3, int32),
    coordinators: since(
      4,
      array({
        key: string,
        nodeId: int32,
        host: string,
        port: int32,
        errorCode: int16,
        errorMessage: nullable(string),
      }),
    ),
  },
)
