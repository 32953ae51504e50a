/**
 * UpdateFeatures v0-2, decided by the active controller, forwarded by brokers (KIP-584, 778, 1022).
 *
 * - All of a request or nothing. A level that some node does not support is INVALID_UPDATE_VERSION.
 * - metadata.version is never lowered; kraft.version is the quorum's own and is not changed here.
 */
import type { Request, Response } from '../../transport/protocol/api.ts'
import { type ErrorName, errorCodes } from '../../transport/protocol/errors.ts'
import { UpdateFeatures } from '../../transport/schemas/57-update-features.ts'
import { errorOf, noError } from '../controller/cluster.ts'
import { updateFeatures as decide } from '../controller/features.ts'
import type { ControllerHost } from '../controller/types.ts'
import { forwarded } from './forwarded.ts'
import { handler } from './handler.ts'

const versions = [0, 2] as const

const failed = (
  _: Request<typeof UpdateFeatures>,
  error: ErrorName,
  message: string | null,
): Response<typeof UpdateFeatures> => ({
  throttleTimeMs: 0,
  ...errorOf(error, message),
  results: [],
})

export const updateFeatures = handler<typeof UpdateFeatures, ControllerHost>(
  UpdateFeatures,
  versions,
  async (request, { apiVersion }, { controller, supportedFeatures, finalizedFeatures }) => {
    const known = { supported: supportedFeatures(), finalized: finalizedFeatures().features }
    await controller.write((cluster) => decide(cluster, request, known, apiVersion))
    const results = request.featureUpdates.map(({ feature }) => ({
      feature,
      errorCode: errorCodes.NONE,
      errorMessage: null,
    }))
    return { throttleTimeMs: 0, ...noError, results }
  },
  failed,
)

export const forwardUpdateFeatures = forwarded(
  UpdateFeatures,
  versions,
  failed,
  (request) => request.timeoutMs,
)
