/**
 * AlterConfigs v0-2, decided by the active controller, forwarded by brokers (KIP-133).
 *
 * - Replaces all that a resource has set: what is not named goes back to its default.
 * - Loggers are not configured here.
 */
import { AlterConfigs } from '../../transport/schemas/33-alter-configs.ts'
import { legacyAlterConfigs as decide } from '../controller/configs.ts'
import type { ControllerHost } from '../controller/types.ts'
import { electWhereNowAllowed } from './44-incremental-alter-configs.ts'
import {
  ALTER_TIMEOUT_MS,
  alterThrough,
  type ConfigForwarder,
  failedConfigs,
} from './forwarded-configs.ts'
import { handler } from './handler.ts'

const versions = [0, 2] as const

export const alterConfigs = handler<typeof AlterConfigs, ControllerHost>(
  AlterConfigs,
  versions,
  async (request, _, { controller }) => {
    const responses = await controller.write((cluster) => decide(cluster, request))
    await electWhereNowAllowed(controller, request)
    return { throttleTimeMs: 0, responses }
  },
  failedConfigs,
)

export const forwardAlterConfigs = handler<typeof AlterConfigs, ConfigForwarder>(
  AlterConfigs,
  versions,
  (request, asker, { nodeId, controller }) =>
    alterThrough(request, nodeId, (rest) =>
      controller.forward(AlterConfigs, rest, asker, ALTER_TIMEOUT_MS),
    ),
  failedConfigs,
)
