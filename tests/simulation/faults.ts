/**
 * What goes wrong, when, and how much of it: each seed draws its own mix. A fault is started by
 * chance and ends by itself; healing ends all of them.
 *
 * Power is cut only in a calm moment, and where an intact copy of each record remains in the ISR;
 * until that disk is known to have lost data nothing else goes wrong. Without eligible leader
 * replicas (KIP-966) an ISR may otherwise shrink to the one that lost its data.
 */
import type { Checker } from './checker.ts'
import type { SimCluster, SimNode } from './cluster.ts'
import type { SeededRandom } from './random.ts'
import type { Scheduler } from './scheduler.ts'
import type { Trace } from './trace.ts'

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
  'reset',
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

export type Faults = {
  /** Begins to go wrong. */
  begin(): void
  /** All ends, and everything runs again. */
  heal(): void
  injected(): ReadonlyMap<string, number>
}

export type FaultPorts = {
  scheduler: Scheduler
  random: SeededRandom
  trace: Trace
  cluster: SimCluster
  checker: Checker
}

export function createFaults(mix: FaultMix, ports: FaultPorts): Faults {
  const { scheduler, random, trace, cluster, checker } = ports
  const { nodes, network, sockets } = cluster
  const counts = new Map<string, number>()
  const endings = new Set<() => void>()
  let isOn = false

  function lasting(ms: number, end: () => void): void {
    const once = () => {
      if (endings.delete(once)) end()
    }
    endings.add(once)
    scheduler.after(ms, once)
  }

  function startLater(node: SimNode, ms: number): void {
    lasting(ms, () => {
      if (node.end === undefined) cluster.start(node)
    })
  }

  const runs = (node: SimNode) => node.end !== undefined && !node.machine.isPaused()

  /** Whether its disk may lose what is not synced. */
  function mayLose(node: SimNode): boolean {
    if (endings.size > 0 || mix.lossRate > 0.05 || mix.stallRate > 0) return false
    const isCalm = nodes.every(({ parts, machine }) => parts !== undefined && !machine.isPaused())
    if (!isCalm) return false
    for (const topic of cluster.newestImage()?.topics() ?? []) {
      for (let index = 0; index < topic.partitionCount(); index++) {
        const { replicas, isr } = topic.partition(index)!
        if (replicas.includes(node.id) && isr.filter((id) => id !== node.id).length === 0)
          return false
      }
    }
    return true
  }

  const act: Record<FaultName, () => string | undefined> = {
    kill() {
      const node = random.pick(nodes)
      if (node.end === undefined) return undefined
      cluster.kill(node)
      startLater(node, random.chance(0.3) ? random.between(1, 200) : random.between(200, 20_000))
      return `node ${node.id}`
    },
    powerCut() {
      const node = random.pick(nodes)
      if (node.end === undefined || !mayLose(node)) return undefined
      cluster.powerCut(node)
      checker.logs.forget(node.id)
      startLater(node, random.chance(0.3) ? random.between(1, 200) : random.between(200, 20_000))
      return `node ${node.id}`
    },
    stop() {
      const node = random.pick(nodes)
      if (node.running === undefined) return undefined
      cluster.stop(node)
      startLater(node, random.between(15_000, 25_000))
      return `node ${node.id}`
    },
    pause() {
      const node = random.pick(nodes)
      if (!runs(node)) return undefined
      const ms = random.chance(0.5) ? random.between(10, 3_000) : random.between(3_000, 20_000)
      node.machine.pauseUntil(scheduler.now() + ms)
      return `node ${node.id} for ${Math.round(ms)} ms`
    },
    isolate() {
      const node = random.pick(nodes)
      const others = nodes.filter((other) => other !== node)
      return cutAll(others.flatMap((other) => [[node, other] as const, [other, node] as const]))
    },
    oneWay() {
      const node = random.pick(nodes)
      const others = nodes.filter((other) => other !== node)
      const some = random.chance(0.5) ? others : [random.pick(others)]
      const isOut = random.chance(0.5)
      return cutAll(
        some.map((other) => (isOut ? ([node, other] as const) : ([other, node] as const))),
      )
    },
    halves() {
      const left = nodes.filter(() => random.chance(0.5))
      const right = nodes.filter((node) => !left.includes(node))
      const pairs = left.flatMap((a) => right.flatMap((b) => [[a, b] as const, [b, a] as const]))
      return pairs.length === 0 ? undefined : cutAll(pairs)
    },
    clientCut() {
      const node = random.pick(nodes)
      sockets.unreachable.add(node.id)
      lasting(random.between(500, 15_000), () => sockets.unreachable.delete(node.id))
      return `node ${node.id}`
    },
    serverRestart() {
      network.serverDown()
      const ms = random.chance(0.5) ? random.between(10, 1_000) : random.between(1_000, 15_000)
      lasting(ms, () => network.serverUp())
      return `${Math.round(ms)} ms`
    },
    slowSync() {
      const node = random.pick(nodes)
      const { faults } = node.disk
      const before = faults.syncMs
      faults.syncMs = random.between(20, 2_000)
      lasting(random.between(1_000, 15_000), () => {
        faults.syncMs = before
      })
      return `node ${node.id}`
    },
    clockStep() {
      const node = random.pick(nodes)
      node.machine.stepClock(random.between(-60_000, 60_000))
      return `node ${node.id}`
    },
    reset() {
      sockets.resetAll()
      return 'all'
    },
  }

  function cutAll(pairs: readonly (readonly [SimNode, SimNode])[]): string {
    for (const [from, to] of pairs) network.cut(from.id, to.id)
    const ms = random.chance(0.5) ? random.between(100, 3_000) : random.between(3_000, 20_000)
    lasting(ms, () => {
      for (const [from, to] of pairs) network.mend(from.id, to.id)
    })
    const told = pairs.map(([from, to]) => `${from.id}>${to.id}`).join(' ')
    return `${told} for ${Math.round(ms)} ms`
  }

  function arm(name: FaultName, meanMs: number): void {
    scheduler.after(random.exponential(meanMs), () => {
      if (!isOn) return
      const what = nodes.some(({ isSuspect }) => isSuspect) ? undefined : act[name]()
      if (what !== undefined) {
        counts.set(name, (counts.get(name) ?? 0) + 1)
        trace.note('fault', { name, on: what })
      }
      arm(name, meanMs)
    })
  }

  return {
    begin() {
      isOn = true
      const { lossRate, repeatRate, delayMs, stallRate } = mix
      network.faults = { lossRate, repeatRate, delayMs, stallRate }
      for (const name of faultNames) {
        const meanMs = mix.meanMs[name]
        if (meanMs !== undefined) arm(name, meanMs)
      }
    },
    heal() {
      isOn = false
      network.faults = { lossRate: 0, repeatRate: 0, delayMs: 0.3, stallRate: 0 }
      for (const end of [...endings]) end()
      network.healAll()
      sockets.unreachable.clear()
      for (const node of nodes) if (node.end === undefined) cluster.start(node)
      trace.note('healed', {})
    },
    injected: () => counts,
  }
}
