/**
 * A script from a seed: its own cluster, topics, producers, and its own mix of faults. Each kind has
 * a stream of chance of its own, so that one more or less changes no other.
 */
import { cleanupFor } from './cleanup.ts'
import { drawFaults, type FaultName, faultNames } from './draw-faults.ts'
import { drawNats, drawShape, type ShapeOptions } from './draw-shape.ts'
import {
  drawAdmin,
  drawBounded,
  drawCompacted,
  drawDeletions,
  drawLives,
  drawMembers,
  drawParts,
  drawRecreated,
  drawSends,
  RECREATOR,
  type WorkloadName,
} from './draw-workload.ts'
import { type SeededRandom, seededRandom } from './random.ts'
import type { Action, GroupSpec, ProducerSpec, Script, Timed, TopicSpec } from './script.ts'
import type { MessageFault } from './ways.ts'

export type FaultMix = {
  /** Mean ms between two of a kind; absent: none. */
  meanMs: Partial<Record<FaultName, number>>
  lossRate: number
  repeatRate: number
  delayMs: number
  stallRate: number
}

/** What is asked for instead of what the seed draws: times in a simulated minute, or chances. */
export type FaultRates = Partial<Record<FaultName | MessageFault, number>>

export type DrawOptions = ShapeOptions & {
  seed: number
  /** Of the phase with faults. */
  faultyMs: number
  mix?: FaultMix
  rates?: FaultRates
  /** Only these parts of the workload, beside what is always there. */
  workload?: readonly WorkloadName[]
  /** Between two batches of a producer, on average. */
  sendEveryMs?: number
}

export function drawScript(options: DrawOptions): Script {
  const { seed, faultyMs, sendEveryMs } = options
  const random = seededRandom(seed).fork('script')
  const mix = options.mix ?? withRates(drawMix(random.fork('mix')), options.rates ?? {})
  const shape = drawShape(options, random.fork('shape'))
  const maxPayload = options.nats ?? (options.mix === undefined ? drawNats(random.fork('nats')) : 0)
  if (maxPayload > 0) shape.nats = { maxPayload }
  const workload = random.fork('workload')
  const topics: TopicSpec[] = [
    { name: 'first', partitions: 1 + workload.below(4), configs: {} },
    { name: 'second', partitions: 1 + workload.below(3), configs: {} },
  ]
  const epochs = random.fork('epochs')
  const producers = Array.from({ length: 2 }, (_, index): ProducerSpec => {
    const raised = epochs.chance(0.4) ? { epochEvery: 5 + epochs.below(20) } : {}
    return { name: `producer-${index}`, acks: -1, inFlightMax: 1 + workload.below(5), ...raised }
  })
  const parts = drawParts(random.fork('parts'), options.workload)
  if (parts.has('retention')) topics.push(drawBounded(random.fork('bounded')))
  if (parts.has('compaction')) topics.push(drawCompacted(random.fork('compacted')))
  if (parts.has('loose')) {
    producers.push({ name: 'loose-1', acks: 1, inFlightMax: 1 + workload.below(5) })
    producers.push({ name: 'loose-0', acks: 0, inFlightMax: 1 })
  }
  const recreated = parts.has('recreate') ? drawRecreated(random.fork('recreated')) : []
  if (recreated.length > 0) producers.push({ name: RECREATOR, acks: -1, inFlightMax: 5 })
  const groups = parts.has('groups')
    ? topics.slice(0, 2).map(({ name }): GroupSpec => ({ id: `group-${name}`, topic: name }))
    : []
  const { meanMs, ...network } = mix
  const faults = random.fork('faults')
  const actions: Timed<Action>[] = [
    ...producers.flatMap((producer, index) =>
      drawSends({
        producer,
        topics: producer.name === RECREATOR ? recreated : topics,
        faultyMs,
        random: random.fork(producer.name),
        index,
        sendEveryMs,
      }),
    ),
    ...recreated.flatMap((topic) =>
      drawLives({ topic, faultyMs, random: random.fork(topic.name) }),
    ),
    ...(parts.has('admin')
      ? drawAdmin({ topics, shape, faultyMs, random: random.fork('admin') })
      : []),
    ...(parts.has('retention')
      ? drawDeletions({
          // Groups would be told that what they want is gone.
          topics: topics.filter(
            (topic) =>
              cleanupFor(topic) === 'deletes' || (topic.name === 'second' && groups.length === 0),
          ),
          faultyMs,
          random: random.fork('deletions'),
        })
      : []),
    ...drawMembers({ groups, faultyMs, random: random.fork('groups') }),
    ...faultNames.flatMap((name) =>
      drawFaults(name, {
        shape,
        topics,
        faultyMs,
        meanMs: meanMs[name],
        random: faults.fork(name),
      }),
    ),
  ]
  actions.sort((a, b) => a.at - b.at)
  return { seed, shape, workload: { topics, producers, groups }, network, faultyMs, actions }
}

/** A swarm: most seeds lack most faults, so that each combination gets its turn. */
function drawMix(random: SeededRandom): FaultMix {
  const meanMs: FaultMix['meanMs'] = {}
  const pace = random.pick([700, 2_000, 3_000])
  for (const name of faultNames) {
    if (random.chance(0.4)) meanMs[name] = pace * random.between(1, 7)
  }
  const isQuiet = random.chance(0.3)
  return {
    meanMs,
    lossRate: isQuiet || random.chance(0.5) ? 0 : random.between(0, 0.2),
    repeatRate: isQuiet || random.chance(0.6) ? 0 : random.between(0, 0.3),
    delayMs: random.chance(0.6) ? 0.3 : random.exponential(10),
    stallRate: isQuiet || random.chance(0.6) ? 0 : random.between(0, 0.005),
  }
}

function withRates(mix: FaultMix, rates: FaultRates): FaultMix {
  const meanMs = { ...mix.meanMs }
  for (const name of faultNames) {
    const rate = rates[name]
    if (rate === 0) delete meanMs[name]
    else if (rate !== undefined) meanMs[name] = 60_000 / rate
  }
  return {
    ...mix,
    meanMs,
    lossRate: rates.loss ?? mix.lossRate,
    repeatRate: rates.repeat ?? mix.repeatRate,
    stallRate: rates.stall ?? mix.stallRate,
  }
}
