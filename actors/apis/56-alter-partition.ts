/**
 * AlterPartition v2-3, answered by the active controller (KIP-497, 841, 903).
 *
 * - The only door by which a broker changes an ISR: a compare-and-set on leader and partition epoch.
 * - NEW_LEADER_ELECTED means done, under another leader. The answer leaves once it is committed.
 */
import { errorCodes } from '../../transport/protocol/errors.ts'
import { AlterPartition } from '../../transport/schemas/56-alter-partition.ts'
import { alterPartitions as decide } from '../controller/alter-partition.ts'
import type { ControllerHost } from '../controller/types.ts'
import { handler } from './handler.ts'

export const alterPartition = handler<typeof AlterPartition, ControllerHost>(
  AlterPartition,
  [2, 3],
  async (request, { apiVersion }, { controller }) => ({
    throttleTimeMs: 0,
    errorCode: errorCodes.NONE,
    topics: await controller.write((cluster) => decide(cluster, request, apiVersion)),
  }),
  (_, error) => ({ throttleTimeMs: 0, errorCode: errorCodes[error], topics: [] }),
)
