/**
 * The `.snapshot` files beside the segments of a log.
 */
import { record } from '../../protocol/record.ts'
import { array, int16, int32, int64, millis, uint32 } from '../../protocol/schema.ts'

/** The producers of one partition's log up to an offset; the CRC covers all behind it. */
export const ProducerSnapshot = record(
  { name: 'ProducerSnapshot', versions: [1, 1] },
  {
    crc: uint32,
    producerEntries: array({
      producerId: int64,
      epoch: int16,
      lastSequence: int32,
      lastOffset: int64,
      offsetDelta: int32,
      timestamp: millis,
      coordinatorEpoch: int32,
      currentTxnFirstOffset: int64,
    }),
  },
)
