/**
 * InitProducerId v0-5: an id for an idempotent producer, from the controller's blocks (KIP-98, 730).
 *
 * - Transactions are not built: a transactional id gets UNSUPPORTED_VERSION, which no client retries.
 * - Without one the producer's old id and epoch do not matter (KIP-360): it always gets a new id.
 */
import type { Response } from '../../transport/protocol/api.ts'
import { type ErrorName, errorCodes, refuse } from '../../transport/protocol/errors.ts'
import { InitProducerId } from '../../transport/schemas/22-init-producer-id.ts'
import type { DataBroker } from '../broker/types.ts'
import { handler } from './handler.ts'

type Answer = Response<typeof InitProducerId>

export const initProducerId = handler<typeof InitProducerId, DataBroker>(
  InitProducerId,
  [0, 5],
  ({ transactionalId, producerId, producerEpoch }, _, { producerIds }) => {
    if ((producerId === -1) !== (producerEpoch === -1)) {
      refuse('INVALID_REQUEST', 'a producer id without its epoch, or the other way round')
    }
    if (transactionalId === '') refuse('INVALID_REQUEST', 'an empty transactional id')
    if (transactionalId !== null) {
      refuse('UNSUPPORTED_VERSION', `transactions are not offered: ${transactionalId}`)
    }
    const id = producerIds.next()
    return id instanceof Promise ? id.then((later) => given(later)) : given(id)
  },
  (_, error) => answer(error, -1, -1),
)

const given = (producerId: number) => answer('NONE', producerId, 0)

const answer = (error: ErrorName, producerId: number, producerEpoch: number): Answer => ({
  throttleTimeMs: 0,
  errorCode: errorCodes[error],
  producerId,
  producerEpoch,
  ongoingTxnProducerId: -1,
  ongoingTxnProducerEpoch: -1,
})
