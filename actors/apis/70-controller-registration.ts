/**
 * ControllerRegistration v0, answered by the active controller: a controller's incarnation, endpoints
 * and feature ranges, by which tools find it and upgrades are checked (KIP-919).
 */
import { ControllerRegistration } from '../../transport/schemas/70-controller-registration.ts'
import { registerController } from '../controller/brokers.ts'
import { errorOf, noError } from '../controller/cluster.ts'
import type { ControllerHost } from '../controller/types.ts'
import { handler } from './handler.ts'

export const controllerRegistration = handler<typeof ControllerRegistration, ControllerHost>(
  ControllerRegistration,
  [0, 0],
  async (request, _, { controller }) => {
    await controller.write((cluster) => registerController(cluster, request))
    return { throttleTimeMs: 0, ...noError }
  },
  (_, error, message) => ({ throttleTimeMs: 0, ...errorOf(error, message) }),
)
