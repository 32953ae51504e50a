/** What goes wrong, from a seed: each kind of fault by its name, with its own chances. */
import { clientFaultNames } from './client-faults.ts'
import type { ClusterShape } from './cluster.ts'
import { drawLinkFault, type LinkFaultName, linkFaultNames } from './draw-links.ts'
import { directoriesMax, idsOf } from './draw-shape.ts'
import { round, type Times, times } from './draw-times.ts'
import { someOf } from './random.ts'
import type { Fault, Target, Timed, TopicSpec } from './script.ts'
import { zombieFaultNames } from './zombie-faults.ts'

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
  ...zombieFaultNames,
  'secondProcess',
] as const
export type FaultName = (typeof faultNames)[number]

type FaultDraw = Times & { shape: ClusterShape; topics: readonly TopicSpec[] }

export function drawFaults(name: FaultName, draw: FaultDraw): Timed<Fault>[] {
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
    case 'secondProcess':
      return { do: name, node: node() }
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
    case 'slowWriter':
      return { do: name, node: node(), forMs: between(1_000, 50_000) }
    case 'zombieProducer':
    case 'zombieMember':
    case 'staleReader': {
      const [{ name: topic, partitions }] = draw.topics as [TopicSpec]
      return { do: name, topic, partition: random.below(partitions), forMs: between(5_000, 40_000) }
    }
    case 'midAnswer':
      return { do: name, node: node(), forMs: between(0, 5) }
    case 'flood':
      return { do: name, node: node(), forMs: between(500, 8_000) }
    case 'hostile':
      return { do: name, node: node(), seed: random.below(2 ** 32), forMs: between(100, 5_000) }
  }
}
