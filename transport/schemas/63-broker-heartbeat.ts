import { api } from '../protocol/api.ts'
import {
  array,
  boolean,
  int16,
  int32,
  int64,
  nullable,
  since,
  tagged,
  uuid,
} from '../protocol/schema.ts'

/** A broker tells the active controller that it lives, and asks to lead or to stop (KIP-631). */
export const BrokerHeartbeat = api(
  { key: 63, name: 'BrokerHeartbeat', versions: [0, 2], flexible: 0, listeners: ['controller'] },
  {
    brokerId: int32,
    brokerEpoch: int64,
    currentMetadataOffset: int64,
    wantFence: boolean,
    wantShutDown: boolean,
    offlineLogDirs: since(1, tagged(0, array(uuid))),
    cordonedLogDirs: since(2, tagged(1, nullable(array(uuid))), null),
  },
  {
    throttleTimeMs: int32,
    errorCode: int16,
    isCaughtUp: boolean,
    isFenced: boolean,
    shouldShutDown: boolean,
  },
)
