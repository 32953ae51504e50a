/**
 * A script from a seed: its own cluster, topics, producers, and its own mix of faults. Each kind has
 * a stream of chance of its own, so that one more or less changes no other.
 */
import { cleanupFor } from './cleanup.ts'
import { clientFaultNames } from './client-faults.ts'
import type { ClusterShape } from './cluster.ts'
import { drawLinkFault, type LinkFaultName, linkFaultNames } from './draw-links.ts'
import { type SeededRandom, seededRandom } from './random.ts'
import {
  type Action,
  type Fault,
  type GroupSpec,
  type ProducerSpec,
  RECREATED,
  type Script,
  type Target,
  type Timed,
  type TopicSpec,
} from './script.ts'
import type { MessageFault } from './ways.ts'

export const faultNames = [
  'kill',
  'powerCut',
  'stop',
  'pause',
  'isolate',
  'oneWay',
  'halves',
  'clientCut',
  'serverRestart',
  'slowSync',
  'clockStep',
  'clockDrift',
  'reset',
  'diskError',
  'wipe',
  'replaceDirectory',
  'bitFlip',
  'fileLost',
  'oldCopy',
  'hostile',
  'crashLoop',
  'flapping',
  'pair',
  'bridge',
  ...linkFaultNames,
  ...clientFaultNames,
] as const
export type FaultName = (typeof faultNames)[number]

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

export type DrawOptions = {
  seed: number
  /** Of the phase with faults. */
  faultyMs: number
  brokers?: number
  controllers?: number
  /**
   * Over the production link on a simulated server of NATS, which takes payloads up to so many bytes;
   * 0: over simulated links. Absent: as the seed draws, or, where the mix is given, over simulated links.
   */
  nats?: number
  mix?: FaultMix
  rates?: FaultRates
  /** Instead of what the seed draws. */
  config?: Record<string, string>
  /** Only these parts of the workload, beside what is always there. */
  workload?: readonly WorkloadName[]
}

/** Beside idempotent producers with acks=all and a consumer, which every seed has. */
export const workloadNames = [
  'loose',
  'admin',
  'groups',
  'recreate',
  'retention',
  'compaction',
] as const
export type WorkloadName = (typeof workloadNames)[number]

export function drawScript(options: DrawOptions): Script {
  const { seed, faultyMs } = options
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

/** NATS takes 1 MiB unless it is told otherwise; with less, what is long leaves in parts. */
const drawNats = (random: SeededRandom): number =>
  random.chance(1 / 3) ? random.pick([1_048_576, 1_048_576, 65_536, 8_192, 1_024]) : 0

function drawParts(random: SeededRandom, wanted: readonly WorkloadName[] | undefined) {
  const drawn = workloadNames.filter(() => random.chance(0.4))
  return new Set(wanted ?? drawn)
}

/** A swarm: most seeds lack most faults, so that each combination gets its turn. */
export function drawMix(random: SeededRandom): FaultMix {
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

const directoriesMax = 3

/** Mostly three combined nodes; the metadata log stays whole, or is often cut behind a snapshot. */
function drawShape(options: DrawOptions, random: SeededRandom): ClusterShape {
  const brokers = options.brokers ?? random.pick([3, 3, 3, 4, 5])
  const controllers = options.controllers ?? random.pick([0, 0, 0, 1, 3])
  const isCut = !random.chance(0.5)
  const snapshotBytes = isCut ? Math.round(random.between(500, 5_000)) : 20 * 1024 * 1024
  const disks = random.fork('directories')
  const areMany = disks.chance(0.6)
  const intervalBytes = disks.pick([200, 1_000, 4_096])
  return {
    brokers,
    controllers,
    ...(areMany && {
      directories: Array.from({ length: brokers }, () => 1 + disks.below(directoriesMax)),
    }),
    config: {
      'offsets.topic.num.partitions': '2',
      'log.retention.check.interval.ms': '1000',
      'log.cleaner.backoff.ms': '1000',
      'log.index.interval.bytes': String(intervalBytes),
      'log.cleaner.dedupe.buffer.size': '1048576',
      'min.insync.replicas': brokers > 2 ? '2' : '1',
      // Fewer than a flood brings.
      ...(random.fork('doors').chance(1 / 3) && { 'max.connections': '150' }),
      'default.replication.factor': String(Math.min(3, brokers)),
      'metadata.log.max.record.bytes.between.snapshots': String(snapshotBytes),
      ...(isCut && {
        'internal.metadata.log.segment.bytes': String(Math.round(snapshotBytes / 2)),
        'metadata.max.retention.bytes': String(3 * snapshotBytes),
      }),
      ...options.config,
    },
  }
}

type Times = { faultyMs: number; meanMs: number | undefined; random: SeededRandom }

function* times({ faultyMs, meanMs, random }: Times): Generator<number> {
  if (meanMs === undefined) return
  let at = random.exponential(meanMs)
  for (; at < faultyMs; at += random.exponential(meanMs)) yield round(at)
}

const round = (ms: number) => Math.round(ms * 1_000) / 1_000

type Sends = {
  producer: ProducerSpec
  index: number
  topics: readonly TopicSpec[]
  faultyMs: number
  random: SeededRandom
}

function drawSends({ producer, index, topics, faultyMs, random }: Sends): Timed<Action>[] {
  const partitions = topics.flatMap(({ name, partitions: count }) =>
    Array.from({ length: count }, (_, partition) => ({ topic: name, partition })),
  )
  const meanMs = random.between(20, 200)
  return [...times({ faultyMs, meanMs, random })].map((at, count) => {
    const size = random.chance(0.1) ? 2_000 : 20
    return {
      at,
      do: 'produce',
      producer: producer.name,
      label: count * 10 + index,
      ...random.pick(partitions),
      bytes: Array.from({ length: 1 + random.below(4) }, () => random.below(size)),
    }
  })
}

/** Writes to the topics that come and go. */
const RECREATOR = 'recreator'

const drawRecreated = (random: SeededRandom): TopicSpec[] =>
  Array.from({ length: 1 + random.below(2) }, (_, index) => ({
    name: `${RECREATED}${index}`,
    partitions: 1 + random.below(3),
    configs: {},
  }))

type Lives = { topic: TopicSpec; faultyMs: number; random: SeededRandom }

/** It is created, lives for some seconds, is deleted, and soon created again. */
function drawLives({ topic: { name, partitions }, faultyMs, random }: Lives): Timed<Action>[] {
  const actions: Timed<Action>[] = []
  for (let at = random.exponential(500); at < faultyMs; at += random.exponential(500)) {
    actions.push({ at: round(at), do: 'createTopic', topic: name, partitions })
    at += 300 + random.exponential(2_500)
    actions.push({ at: round(at), do: 'deleteTopic', topic: name })
  }
  return actions.filter(({ at }) => at < faultyMs)
}

/** Rolled and looked at often, so that what is old goes soon. */
const soonOld = (random: SeededRandom) => ({
  'segment.ms': String(Math.round(random.between(200, 3_000))),
  'file.delete.delay.ms': '1000',
})

function drawBounded(random: SeededRandom): TopicSpec {
  const configs: Record<string, string> = soonOld(random)
  const kind = random.below(3)
  if (kind !== 0) configs['retention.ms'] = String(Math.round(random.between(500, 10_000)))
  if (kind !== 1) configs['retention.bytes'] = String(Math.round(random.between(0, 20_000)))
  return { name: 'bounded', partitions: 1 + random.below(2), configs }
}

const drawCompacted = (random: SeededRandom): TopicSpec => ({
  name: 'compacted',
  partitions: 1 + random.below(2),
  configs: {
    ...soonOld(random),
    'cleanup.policy': 'compact',
    'min.cleanable.dirty.ratio': '0.01',
    'delete.retention.ms': String(random.below(2_000)),
  },
})

function drawDeletions({ topics, faultyMs, random }: Omit<AdminDraw, 'shape'>): Timed<Action>[] {
  const meanMs = random.between(1_000, 8_000)
  return [...times({ faultyMs, meanMs, random })].map((at): Timed<Action> => {
    const { name: topic, partitions } = random.pick(topics)
    const share = random.chance(0.2) ? 1 : round(random.between(0, 1))
    return { at, do: 'deleteRecords', topic, partition: random.below(partitions), share }
  })
}

type AdminDraw = {
  topics: readonly TopicSpec[]
  shape: ClusterShape
  faultyMs: number
  random: SeededRandom
}

function drawAdmin({ topics, shape, faultyMs, random }: AdminDraw): Timed<Action>[] {
  const meanMs = random.between(300, 3_000)
  const brokers = Array.from({ length: shape.brokers }, (_, index) => index + 1)
  const factor = Number(shape.config['default.replication.factor'])
  return [...times({ faultyMs, meanMs, random })].map((at): Timed<Action> => {
    const topic = `admin-${random.below(3)}`
    const { name, partitions: count } = random.pick(topics)
    const of = { topic: name, partition: random.below(count) }
    switch (random.below(7)) {
      case 0:
      case 1:
        return { at, do: 'createTopic', topic, partitions: 1 + random.below(3) }
      case 2:
        return { at, do: 'deleteTopic', topic }
      case 3:
        return { at, do: 'createPartitions', topic, partitions: 2 + random.below(6) }
      case 4:
        // Small segments roll often.
        return {
          at,
          do: 'alterConfig',
          topic: name,
          key: 'segment.bytes',
          value: String(random.pick([1_048_576, 2_000_000, 50_000_000])),
        }
      case 5:
        return { at, do: 'electLeader', ...of }
      default: {
        const replicas = random.chance(0.2) ? null : someOf(brokers, factor, random)
        return { at, do: 'reassign', ...of, replicas }
      }
    }
  })
}

function someOf(from: readonly number[], count: number, random: SeededRandom): number[] {
  const left = [...from]
  return Array.from({ length: count }, () => left.splice(random.below(left.length), 1)[0]!)
}

type MemberDraw = { groups: readonly GroupSpec[]; faultyMs: number; random: SeededRandom }

function drawMembers({ groups, faultyMs, random }: MemberDraw): Timed<Action>[] {
  return groups.flatMap(({ id: group }) => {
    const meanMs = random.between(2_000, 20_000)
    const start: Timed<Action> = { at: 0, do: 'joinGroup', group, member: `${group}-0` }
    const rest = [...times({ faultyMs, meanMs, random })].map((at): Timed<Action> => {
      const what = random.pick(['joinGroup', 'joinGroup', 'leaveGroup', 'killMember'] as const)
      return { at, do: what, group, member: `${group}-${random.below(4)}` }
    })
    return [start, ...rest]
  })
}

type FaultDraw = Times & { shape: ClusterShape; topics: readonly TopicSpec[] }

function drawFaults(name: FaultName, draw: FaultDraw): Timed<Fault>[] {
  const faults = [...times(draw)].flatMap((at): Timed<Fault>[] => {
    switch (name) {
      case 'crashLoop':
      case 'flapping':
        return drawRepeated(name, at, draw)
      case 'pair':
      case 'bridge':
        return drawCuts(name, draw).map((fault) => ({ at, ...fault }))
      default:
        return isOfLinks(name)
          ? drawLinkFault(name, { at, node: () => drawNode(draw), random: draw.random })
          : [{ at, ...drawFault(name, draw) }]
    }
  })
  return faults.map((fault) => (fault.do === name ? fault : { ...fault, as: name }))
}

const isOfLinks = (name: FaultName): name is LinkFaultName =>
  (linkFaultNames as readonly string[]).includes(name)

function drawNode({ shape, topics, random }: FaultDraw): Target {
  if (random.chance(0.7)) return random.pick(idsOf(shape))
  return random.chance(0.5) ? 'controller' : `leader of ${random.pick(topics).name}-0`
}

const idsOf = ({ brokers, controllers }: ClusterShape): number[] =>
  Array.from({ length: brokers + controllers }, (_, index) => index + 1)

/** The same node again and again: it ends as soon as it runs, or is cut off now and then. */
function drawRepeated(
  name: 'crashLoop' | 'flapping',
  from: number,
  { shape, random }: FaultDraw,
): Timed<Fault>[] {
  const node = random.pick(idsOf(shape))
  let at = from
  return Array.from({ length: 3 + random.below(6) }, () => {
    const forMs = round(random.between(10, name === 'crashLoop' ? 300 : 1_500))
    const fault: Fault = { do: name === 'crashLoop' ? 'kill' : 'isolate', node, forMs }
    const timed = { at: round(at), ...fault }
    at += forMs + random.between(20, 1_500)
    return timed
  })
}

/** Two that do not hear each other, or halves of which one node alone hears both. */
function drawCuts(name: 'pair' | 'bridge', { shape, random }: FaultDraw): Fault[] {
  const [first, ...others] = someOf(idsOf(shape), shape.brokers + shape.controllers, random)
  const at = name === 'pair' ? 1 : 1 + random.below(Math.max(1, others.length - 1))
  const left = name === 'pair' ? [first!] : others.slice(0, at)
  const right = name === 'pair' ? others.slice(0, 1) : others.slice(at)
  const forMs = round(random.between(500, 15_000))
  return [
    { do: 'oneWay', from: left, to: right, forMs },
    { do: 'oneWay', from: right, to: left, forMs },
  ]
}

type SingleName = Exclude<FaultName, 'crashLoop' | 'flapping' | 'pair' | 'bridge' | LinkFaultName>

function drawFault(name: SingleName, draw: FaultDraw): Fault {
  const { shape, random } = draw
  const ids = idsOf(shape)
  const between = (least: number, most: number) => round(random.between(least, most))
  const node = () => drawNode(draw)
  const restartMs = () => (random.chance(0.3) ? between(1, 200) : between(200, 20_000))
  const cutMs = () => (random.chance(0.5) ? between(100, 3_000) : between(3_000, 20_000))
  switch (name) {
    case 'kill':
    case 'powerCut':
    case 'wipe':
      return { do: name, node: node(), forMs: restartMs() }
    case 'stop':
      return { do: name, node: node(), forMs: between(15_000, 25_000) }
    case 'pause':
      return {
        do: name,
        node: node(),
        forMs: random.chance(0.5) ? between(10, 3_000) : between(3_000, 20_000),
      }
    case 'isolate':
      return { do: name, node: node(), forMs: cutMs() }
    case 'oneWay': {
      const one = [node()]
      const others = random.chance(0.5) ? ids : [random.pick(ids)]
      const ways = random.chance(0.5) ? { from: one, to: others } : { from: others, to: one }
      return { do: name, ...ways, forMs: cutMs() }
    }
    case 'halves':
      return { do: name, nodes: ids.filter(() => random.chance(0.5)), forMs: cutMs() }
    case 'clientCut':
      return { do: name, node: node(), forMs: between(500, 15_000) }
    case 'serverRestart':
      return {
        do: name,
        forMs: random.chance(0.5) ? between(10, 1_000) : between(1_000, 15_000),
      }
    case 'slowSync':
      return {
        do: name,
        node: node(),
        syncMs: random.chance(0.3) ? between(1_000, 30_000) : between(20, 2_000),
        forMs: between(1_000, 15_000),
      }
    case 'clockStep':
      return { do: name, node: node(), byMs: between(-60_000, 60_000) }
    case 'clockDrift':
      return { do: name, node: node(), rate: between(0.9, 1.1), forMs: between(5_000, 30_000) }
    case 'reset':
      return { do: name }
    case 'diskError': {
      const operation = random.pick(['read', 'write', 'sync'] as const)
      const codes = operation === 'write' ? (['EIO', 'ENOSPC', 'EROFS'] as const) : ['EIO' as const]
      const code = random.pick(codes)
      const share = operation === 'write' && code !== 'EROFS' ? between(0, 1) : 0
      const directory = random.below(directoriesMax)
      const forMs = between(1_000, 15_000)
      return { do: name, node: node(), directory, operation, code, share, forMs }
    }
    case 'replaceDirectory': {
      const directory = random.below(directoriesMax)
      return { do: name, node: node(), directory, forMs: restartMs() }
    }
    case 'bitFlip': {
      const of = random.pick([
        'batch',
        'batch',
        'metadata',
        'snapshot',
        'producers',
        'index',
      ] as const)
      const how = random.pick(['flip', 'misdirected', 'unwritten'] as const)
      return { do: name, node: node(), of, how, seed: random.below(2 ** 32), forMs: restartMs() }
    }
    case 'fileLost': {
      const how = random.pick(['missing', 'empty'] as const)
      return { do: name, node: node(), how, seed: random.below(2 ** 32), forMs: restartMs() }
    }
    case 'oldCopy':
      return { do: name, node: node(), afterMs: between(500, 15_000), forMs: restartMs() }
    case 'pipelined':
    case 'slowReader':
      return { do: name, node: node(), forMs: between(1_000, 15_000) }
    case 'midAnswer':
      return { do: name, node: node(), forMs: between(0, 5) }
    case 'flood':
      return { do: name, node: node(), forMs: between(500, 8_000) }
    case 'hostile':
      return { do: name, node: node(), seed: random.below(2 ** 32), forMs: between(100, 5_000) }
  }
}
