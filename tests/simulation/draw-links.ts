/** What goes wrong with servers and links, from a seed, beside what cuts nodes off. */
import { round } from './draw-times.ts'
import type { SeededRandom } from './random.ts'
import type { Fault, Target, Timed } from './script.ts'
import { servers } from './servers.ts'

export const linkFaultNames = [
  'serverLoss',
  'rollingRestart',
  'subscriptionGap',
  'routeSplit',
  'slowConsumer',
  'revoked',
  'slowLink',
] as const
export type LinkFaultName = (typeof linkFaultNames)[number]

type LinkDraw = { at: number; node: () => Target; random: SeededRandom }

export function drawLinkFault(name: LinkFaultName, draw: LinkDraw): Timed<Fault>[] {
  const { at, node, random } = draw
  const between = (least: number, most: number) => round(random.between(least, most))
  const shortOrLong = () => (random.chance(0.5) ? between(50, 2_000) : between(2_000, 15_000))
  switch (name) {
    case 'serverLoss':
      return [{ at, do: name, server: random.below(servers), forMs: shortOrLong() }]
    case 'rollingRestart': {
      const [forMs, restMs] = [between(10, 3_000), between(10, 2_000)]
      return Array.from({ length: servers }, (_, server) => ({
        at: round(at + server * (forMs + restMs)),
        do: 'serverLoss',
        server,
        forMs,
      }))
    }
    case 'subscriptionGap':
      // Less than a prober's grace: what is subscribed to is sent before all else, and routes pass it on.
      return [{ at, do: 'serverRestart', forMs: between(10, 3_000), gapMs: between(10, 120) }]
    case 'routeSplit':
      return [{ at, do: name, forMs: shortOrLong() }]
    case 'slowConsumer':
      return [{ at, do: name, node: node() }]
    case 'revoked': {
      const what = random.pick(['publish', 'subscribe'] as const)
      return [{ at, do: name, node: node(), what, forMs: shortOrLong() }]
    }
    case 'slowLink': {
      // Below the first a heartbeat takes a second, above the second nothing is felt.
      const bytesPerS = Math.round(300 * 300 ** random.between(0, 1))
      return [{ at, do: name, node: node(), bytesPerS, forMs: between(1_000, 20_000) }]
    }
  }
}
