/**
 * Links that lose, delay and repeat messages as chance has it, and cut as a test says. Requests and
 * answers are dropped and repeated apart from each other.
 */
import type { Random } from '../../../actors/ports/random.ts'
import {
  type Endpoint,
  type Link,
  LinkError,
  type LinkHandler,
  nothingDropped,
} from '../../../transport/links/link.ts'
import type { FakeClock } from './fake-clock.ts'

export type FakeNetwork = {
  link(self: Endpoint, clusterId: string): Link
  /** Chance that a message is lost, or repeated. */
  lossRate: number
  repeatRate: number
  delayMs: { least: number; most: number }
  /** Nothing gets from one to the other, that way only. */
  cut(from: number, to: number): void
  isolate(id: number): void
  heal(): void
  /** Sees each request that is sent. */
  onSend: (from: Endpoint, to: number, api: string) => void
}

export function fakeNetwork(clock: FakeClock, random: Random): FakeNetwork {
  const members = new Map<number, { self: Endpoint; handlers: Map<string, LinkHandler> }>()
  const cuts = new Set<string>()
  const isolated = new Set<number>()

  const carries = (from: number, to: number) =>
    !cuts.has(`${from}>${to}`) && !isolated.has(from) && !isolated.has(to)

  function carry(from: number, to: number, arrive: () => void): void {
    const once = () => {
      const { least, most } = network.delayMs
      const delay = least + random.below(most - least + 1)
      clock.setTimeout(() => {
        if (carries(from, to)) arrive()
      }, delay)
    }
    if (random.next() >= network.lossRate) once()
    if (random.next() < network.repeatRate) once()
  }

  const network: FakeNetwork = {
    lossRate: 0,
    repeatRate: 0,
    delayMs: { least: 0, most: 1 },
    onSend() {},
    cut: (from, to) => void cuts.add(`${from}>${to}`),
    isolate: (id) => void isolated.add(id),
    heal() {
      cuts.clear()
      isolated.clear()
    },
    link(self, clusterId) {
      const handlers = new Map<string, LinkHandler>()
      const mine = { self, handlers }
      const isThere = () => members.get(self.nodeId) === mine
      return {
        clusterId,
        self,
        dropped: nothingDropped(),
        async connect() {
          members.set(self.nodeId, mine)
        },
        serve: (api, handler) => void handlers.set(api, handler),
        request(to, api, chunks, { timeoutMs }) {
          const message = Buffer.concat(chunks)
          network.onSend(self, to, api)
          return new Promise<Buffer[]>((resolve, reject) => {
            const fail = (failure: 'timeout' | 'noResponders' | 'refused') =>
              reject(new LinkError(failure, `${api} to ${to}`))
            if (!isThere()) return fail('timeout')
            const timer = clock.setTimeout(() => fail('timeout'), timeoutMs)
            const settle = (then: () => void) => {
              clock.clearTimeout(timer)
              if (isThere()) then()
            }
            carry(self.nodeId, to, () => {
              const member = members.get(to)
              const handler = member?.handlers.get(api)
              if (member === undefined || handler === undefined) {
                return carry(to, self.nodeId, () => settle(() => fail('noResponders')))
              }
              const back = (then: () => void) => {
                if (members.get(to) === member) carry(to, self.nodeId, () => settle(then))
              }
              Promise.resolve()
                .then(() => handler(Buffer.from(message), self))
                .then(
                  (answer) => back(() => resolve([Buffer.concat(answer)])),
                  () => back(() => fail('refused')),
                )
            })
          })
        },
        reconnectMs: 0,
        probe: async () => 'unknown',
        lastHeard: () => undefined,
        isUp: () => true,
        onNobodyThere() {},
        onChange() {},
        async close() {
          if (isThere()) members.delete(self.nodeId)
        },
      }
    },
  }
  return network
}
