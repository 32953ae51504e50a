/**
 * Who reaches whom, and how fast: what both kinds of simulated links ask before they deliver, and
 * what both begin with. A way that is cut loses what goes there, one that is refused tells who asks
 * that nobody listens there, and a narrow one takes its time for each byte.
 */
import type { Lane } from '../../transport/links/link.ts'
import type { SimNetwork } from './network.ts'
import type { SeededRandom } from './random.ts'

export type NetworkFaults = {
  lossRate: number
  repeatRate: number
  /** Mean of a way, ms, beside the least one. */
  delayMs: number
  /** Chance that a message takes up to ten seconds. */
  stallRate: number
}

/** Names of what happens to single messages. */
export const messageFaults = ['loss', 'repeat', 'stall'] as const
export type MessageFault = (typeof messageFaults)[number]

export type Ways = {
  /** Nothing gets from one to the other, that way only. */
  cut(from: number, to: number): void
  mend(from: number, to: number): void
  isCut(from: number, to: number): boolean
  /** Nobody hears the one at the other, as far as the server knows. */
  refuse(from: number, to: number): void
  permit(from: number, to: number): void
  isRefused(from: number, to: number): boolean
  /** So many bytes a second in each lane. */
  narrow(from: number, to: number, bytesPerS: number): void
  widen(from: number, to: number): void
  /** How much longer bytes take, behind what went the same way before. */
  queueMs(from: number, to: number, lane: Lane, bytes: number): number
  healAll(): void
}

/** What waits longer than this behind others is lost: sockets break. */
export const queueMsMax = 20_000

export const quietNetwork: NetworkFaults = {
  lossRate: 0,
  repeatRate: 0,
  delayMs: 0.3,
  stallRate: 0,
}

/** Until somebody sets them. */
export const networkDefaults = (
  random: SeededRandom,
): Pick<
  SimNetwork,
  | 'faults'
  | 'struck'
  | 'onDelivery'
  | 'intercept'
  | 'reconnectMs'
  | 'gapMsMax'
  | 'onAnswer'
  | 'onChangedInFlight'
  | 'onViolation'
> => ({
  faults: { ...quietNetwork, delayMs: 0.2 },
  struck: { loss: 0, repeat: 0, stall: 0 },
  onDelivery: () => {},
  intercept: undefined,
  reconnectMs: () => random.between(1, 100),
  gapMsMax: 0,
  onAnswer: () => {},
  onChangedInFlight: () => {},
  onViolation: () => {},
})

const leastMs = 0.05

type Struck = Pick<SimNetwork, 'faults' | 'struck'>

/** Whether it happens to this message. */
export function strikes(what: MessageFault, { faults, struck }: Struck, random: SeededRandom) {
  const rate = faults[`${what}Rate`]
  if (rate === 0 || !random.chance(rate)) return false
  struck[what]++
  return true
}

/** How long a message takes by chance. */
export function delayOf(network: Struck, random: SeededRandom): number {
  if (strikes('stall', network, random)) return random.between(100, 10_000)
  return leastMs + random.exponential(network.faults.delayMs)
}

export function createWays(now: () => number): Ways {
  const cuts = new Set<string>()
  const refused = new Set<string>()
  const narrow = new Map<string, number>()
  /** Way and lane → when what was sent there has left. */
  const busyUntil = new Map<string, number>()
  const way = (from: number, to: number) => `${from}>${to}`
  return {
    cut: (from, to) => void cuts.add(way(from, to)),
    mend: (from, to) => void cuts.delete(way(from, to)),
    isCut: (from, to) => cuts.has(way(from, to)),
    refuse: (from, to) => void refused.add(way(from, to)),
    permit: (from, to) => void refused.delete(way(from, to)),
    isRefused: (from, to) => refused.has(way(from, to)),
    narrow: (from, to, bytesPerS) => void narrow.set(way(from, to), bytesPerS),
    widen: (from, to) => void narrow.delete(way(from, to)),
    queueMs(from, to, lane, bytes) {
      const bytesPerS = narrow.get(way(from, to))
      if (bytesPerS === undefined) return 0
      const key = `${way(from, to)} ${lane}`
      const leaves = Math.max(now(), busyUntil.get(key) ?? 0) + (bytes / bytesPerS) * 1_000
      if (leaves - now() <= queueMsMax) busyUntil.set(key, leaves)
      return leaves - now()
    },
    healAll() {
      cuts.clear()
      refused.clear()
      narrow.clear()
      busyUntil.clear()
    },
  }
}
