/**
 * Heartbeat v0-4: a member lives; it hears REBALANCE_IN_PROGRESS when it should join again.
 */
import type { Response } from '../../transport/protocol/api.ts'
import { type ErrorName, errorCodes } from '../../transport/protocol/errors.ts'
import { Heartbeat } from '../../transport/schemas/12-heartbeat.ts'
import type { BrokerHost } from '../broker/types.ts'
import { handler } from './handler.ts'

export const heartbeat = handler<typeof Heartbeat, BrokerHost>(
  Heartbeat,
  [0, 4],
  (request, _, { groups }) => answer(groups.heartbeat(request)),
  (_, error) => answer(error),
)

const answer = (error: ErrorName): Response<typeof Heartbeat> => ({
  throttleTimeMs: 0,
  errorCode: errorCodes[error],
})
