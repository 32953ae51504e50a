/**
 * AssignReplicasToDirs v0, answered by the active controller (KIP-858): a broker tells in which log
 * directories its replicas lie, or that what it had of one is lost.
 *
 * - A replica in a directory that its broker has not registered leaves ISR and leadership.
 * - The answer leaves once the change is committed.
 */
import { errorCodes } from '../../transport/protocol/errors.ts'
import { AssignReplicasToDirs } from '../../transport/schemas/73-assign-replicas-to-dirs.ts'
import { assignToDirectories } from '../controller/assign-directories.ts'
import type { ControllerHost } from '../controller/types.ts'
import { handler } from './handler.ts'

export const assignReplicasToDirs = handler<typeof AssignReplicasToDirs, ControllerHost>(
  AssignReplicasToDirs,
  [0, 0],
  async (request, _, { controller }) => ({
    throttleTimeMs: 0,
    errorCode: errorCodes.NONE,
    directories: await controller.write((cluster) => assignToDirectories(cluster, request)),
  }),
  (_, error) => ({ throttleTimeMs: 0, errorCode: errorCodes[error], directories: [] }),
)
