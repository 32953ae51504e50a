/**
 * Producer ids for idempotent producers: blocks from the controller (KIP-730), the next one fetched
 * before the current is used up, so that who asks seldom waits.
 *
 * A block that is lost with an answer, or with this process, is never handed out (I5).
 */
import { errorName, KafkaError, refuse } from '../../transport/protocol/errors.ts'
import { AllocateProducerIds } from '../../transport/schemas/67-allocate-producer-ids.ts'
import type { ControllerChannel } from './types.ts'

type Ports = { nodeId: number; brokerEpoch(): number; controller: ControllerChannel }
type Block = { next: number; end: number; prefetchFrom: number }

export type ProducerIds = {
  /** @throws KafkaError COORDINATOR_LOAD_IN_PROGRESS when the controller gives none in time */
  next(): number | Promise<number>
}

const TIMEOUT_MS = 5_000
/** Share of a block that is used when the next one is asked for. */
const PREFETCH_AT = 0.9

export function createProducerIds({ nodeId, brokerEpoch, controller }: Ports): ProducerIds {
  let current: Block = { next: 0, end: 0, prefetchFrom: 0 }
  let following: Block | undefined
  let asking: Promise<void> | undefined

  async function ask(): Promise<void> {
    try {
      const { errorCode, producerIdStart, producerIdLen } = await controller.call(
        AllocateProducerIds,
        0,
        { brokerId: nodeId, brokerEpoch: brokerEpoch() },
        TIMEOUT_MS,
      )
      if (errorCode !== 0) refuse(errorName(errorCode), 'AllocateProducerIds was refused')
      following = {
        next: producerIdStart,
        end: producerIdStart + producerIdLen,
        prefetchFrom: producerIdStart + Math.floor(producerIdLen * PREFETCH_AT),
      }
    } finally {
      asking = undefined
    }
  }

  function prefetch(): Promise<void> {
    asking ??= ask()
    return asking
  }

  function take(): number | undefined {
    if (current.next >= current.end && following !== undefined) {
      current = following
      following = undefined
    }
    if (current.next >= current.end) return undefined
    const id = current.next++
    // Who needs it later asks again; a failure now is nobody's yet.
    if (current.next >= current.prefetchFrom && following === undefined) prefetch().catch(() => {})
    return id
  }

  async function takeLater(): Promise<number> {
    for (;;) {
      try {
        await prefetch()
      } catch (cause) {
        throw new KafkaError('COORDINATOR_LOAD_IN_PROGRESS', 'no producer ids to give yet', cause)
      }
      const id = take()
      if (id !== undefined) return id
    }
  }

  return { next: () => take() ?? takeLater() }
}
