/**
 * UnregisterBroker v0, decided by the active controller, forwarded by brokers (KIP-631).
 *
 * - The broker leaves every ISR it is in; its replicas stay assigned. A broker that lives registers again.
 */
import type { Request, Response } from '../../transport/protocol/api.ts'
import type { ErrorName } from '../../transport/protocol/errors.ts'
import { UnregisterBroker } from '../../transport/schemas/64-unregister-broker.ts'
import { unregisterBroker as decide } from '../controller/brokers.ts'
import { errorOf, noError } from '../controller/cluster.ts'
import type { ControllerHost } from '../controller/types.ts'
import { forwarded } from './forwarded.ts'
import { handler } from './handler.ts'

const versions = [0, 0] as const

const failed = (
  _: Request<typeof UnregisterBroker>,
  error: ErrorName,
  message: string | null,
): Response<typeof UnregisterBroker> => ({ throttleTimeMs: 0, ...errorOf(error, message) })

export const unregisterBroker = handler<typeof UnregisterBroker, ControllerHost>(
  UnregisterBroker,
  versions,
  async ({ brokerId }, _, { controller }) => {
    await controller.writeCut((cluster) => decide(cluster, brokerId, controller))
    return { throttleTimeMs: 0, ...noError }
  },
  failed,
)

export const forwardUnregisterBroker = forwarded(UnregisterBroker, versions, failed)
