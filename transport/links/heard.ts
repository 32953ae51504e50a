/** When each incarnation was last heard, for as many incarnations as a cluster may see. */
import type { Endpoint } from './link.ts'

const incarnationsMax = 4096

export function heardTimes() {
  const times = new Map<string, number>()
  return {
    note({ incarnationId }: Endpoint, at: number): void {
      if (times.size >= incarnationsMax && !times.has(incarnationId)) forgetOldest(times)
      times.set(incarnationId, at)
    },
    at: ({ incarnationId }: Endpoint): number | undefined => times.get(incarnationId),
  }
}

function forgetOldest(times: Map<string, number>): void {
  let oldest: string | undefined
  let oldestAt = Number.POSITIVE_INFINITY
  for (const [incarnationId, at] of times) {
    if (at < oldestAt) [oldest, oldestAt] = [incarnationId, at]
  }
  if (oldest !== undefined) times.delete(oldest)
}
