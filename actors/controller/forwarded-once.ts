/**
 * A change that a broker forwards, or an AlterPartition of its own, is decided once, however many copies
 * of it arrive (M9): one that was sent again, came twice or is late gets the answer that the first one
 * got, or waits for it.
 * Without that a late DeleteTopics would delete a topic of the same name that was created since, and an
 * ISR would take in a replica for which its leader, once refused, waits no longer (P1).
 *
 * - A broker gives up after FORWARDED_MS, and the link hands nothing on that is older than its attempt;
 *   so an answer is kept longer than that, and oldest answers are let go above a bound of bytes.
 * - NOT_CONTROLLER decides nothing: the next copy is decided anew.
 * - What another controller decided is not known here: a copy that is late beyond a change of the
 *   active controller is decided by what is committed, as in Kafka.
 */
import type { Endpoint } from '../../transport/links/link.ts'
import type { Api, Response } from '../../transport/protocol/api.ts'
import { errorCodes } from '../../transport/protocol/errors.ts'
import type { Clock } from '../ports/clock.ts'

/** As `request.timeout.ms` by default: so long one attempt of a broker may take. */
export const FORWARDED_ATTEMPT_MS = 30_000
/** So long it goes on attempting, however long its client would wait, as Kafka's broker. */
export const FORWARDED_MS = 60_000
/** Clocks of two nodes differ in pace; twice is more than any may. */
const KEEP_MS = 2 * FORWARDED_MS
const KEPT_BYTES_MAX = 16 * 1024 * 1024
/** What an answer costs beside its content. */
const perAnswerBytes = 256
/** And each partition that it tells of. */
const perPartitionBytes = 256

type Kept = { answer: Response<Api>; bytes: number; answeredAt: number }
type Content = {
  errorCode?: number
  responseData?: Buffer | null
  topics?: { partitions?: unknown[] }[]
}

export function forwardedOnce(clock: Pick<Clock, 'monotonic'>, keptBytesMax = KEPT_BYTES_MAX) {
  const open = new Map<string, Promise<Response<Api>>>()
  /** Oldest first. */
  const kept = new Map<string, Kept>()
  let keptBytes = 0

  function letGo(): void {
    const now = clock.monotonic()
    for (const [key, { bytes, answeredAt }] of kept) {
      if (now - answeredAt <= KEEP_MS && keptBytes <= keptBytesMax) return
      kept.delete(key)
      keptBytes -= bytes
    }
  }

  function keep(key: string, answer: Response<Api>): void {
    const { errorCode, responseData, topics = [] } = answer as Content
    if (errorCode === errorCodes.NOT_CONTROLLER) return
    const told = topics.reduce((sum, { partitions = [] }) => sum + partitions.length, 0)
    const bytes = perAnswerBytes + (responseData?.length ?? 0) + told * perPartitionBytes
    kept.set(key, { answer, bytes, answeredAt: clock.monotonic() })
    keptBytes += bytes
    letGo()
  }

  async function decided(key: string, decide: () => Response<Api> | Promise<Response<Api>>) {
    try {
      const answer = await Promise.resolve().then(decide)
      keep(key, answer)
      return answer
    } finally {
      open.delete(key)
    }
  }

  /** @param requestId of one logical request of that incarnation */
  return (
    from: Endpoint,
    requestId: number,
    decide: () => Response<Api> | Promise<Response<Api>>,
  ): Response<Api> | Promise<Response<Api>> => {
    letGo()
    const key = `${from.incarnationId} ${requestId}`
    const before = kept.get(key)?.answer ?? open.get(key)
    if (before !== undefined) return before
    const deciding = decided(key, decide)
    open.set(key, deciding)
    return deciding
  }
}
