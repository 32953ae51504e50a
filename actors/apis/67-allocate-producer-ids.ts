/** AllocateProducerIds v0, answered by the active controller: 1,000 ids a block (KIP-730). */
import { errorCodes } from '../../transport/protocol/errors.ts'
import { AllocateProducerIds } from '../../transport/schemas/67-allocate-producer-ids.ts'
import { allocateProducerIds as decide } from '../controller/brokers.ts'
import type { ControllerHost } from '../controller/types.ts'
import { handler } from './handler.ts'

export const allocateProducerIds = handler<typeof AllocateProducerIds, ControllerHost>(
  AllocateProducerIds,
  [0, 0],
  async ({ brokerId, brokerEpoch }, _, { controller }) => ({
    throttleTimeMs: 0,
    errorCode: errorCodes.NONE,
    ...(await controller.write((cluster) => decide(cluster, brokerId, brokerEpoch))),
  }),
  (_, error) => ({
    throttleTimeMs: 0,
    errorCode: errorCodes[error],
    producerIdStart: 0,
    producerIdLen: 0,
  }),
)
