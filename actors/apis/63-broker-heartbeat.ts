/**
 * BrokerHeartbeat v0-1, answered by the active controller (KIP-631, 841, 858).
 *
 * - An unknown id and an old incarnation both get STALE_BROKER_EPOCH: register again.
 * - It counts as contact when it comes; the answer leaves once the change that it reports is committed.
 * - v2 (cordonedLogDirs, KIP-1066) is not offered: nothing acts on it yet.
 */
import { errorCodes } from '../../transport/protocol/errors.ts'
import { BrokerHeartbeat } from '../../transport/schemas/63-broker-heartbeat.ts'
import { reportOfflineDirectories } from '../controller/brokers.ts'
import type { ControllerHost } from '../controller/types.ts'
import { handler } from './handler.ts'

export const brokerHeartbeat = handler<typeof BrokerHeartbeat, ControllerHost>(
  BrokerHeartbeat,
  [0, 1],
  async (request, _, { controller }) => {
    const decided = controller.heartbeat(request)
    if (request.offlineLogDirs.length > 0) {
      const [answer] = await Promise.all([
        decided,
        controller.writeCut((cluster) => reportOfflineDirectories(cluster, request)),
      ])
      return { throttleTimeMs: 0, errorCode: errorCodes.NONE, ...answer }
    }
    return { throttleTimeMs: 0, errorCode: errorCodes.NONE, ...(await decided) }
  },
  (_, error) => ({
    throttleTimeMs: 0,
    errorCode: errorCodes[error],
    isCaughtUp: false,
    isFenced: true,
    shouldShutDown: false,
  }),
)
