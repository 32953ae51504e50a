/**
 * BrokerRegistration v0-4, answered by the active controller (KIP-631, 858, 966).
 *
 * - The broker epoch is the offset of the registration's record; the same incarnation keeps its own.
 * - Another incarnation is DUPLICATE_BROKER_REGISTRATION while the session of the last one lives.
 * - `previousBrokerEpoch` tells an unclean stop, which matters to eligible leader replicas alone;
 *   they are not finalized.
 */
import { errorCodes } from '../../transport/protocol/errors.ts'
import { BrokerRegistration } from '../../transport/schemas/62-broker-registration.ts'
import { registerBroker } from '../controller/brokers.ts'
import type { ControllerHost } from '../controller/types.ts'
import { handler } from './handler.ts'

export const brokerRegistration = handler<typeof BrokerRegistration, ControllerHost>(
  BrokerRegistration,
  [0, 4],
  async (request, _, { controller, clusterId }) => ({
    throttleTimeMs: 0,
    errorCode: errorCodes.NONE,
    // What the last incarnation leaves behind may exceed one batch; the registration comes last.
    brokerEpoch: await controller.writeCut((cluster) =>
      registerBroker(cluster, clusterId, request, controller),
    ),
  }),
  (_, error) => ({ throttleTimeMs: 0, errorCode: errorCodes[error], brokerEpoch: -1 }),
)
