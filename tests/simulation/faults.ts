/**
 * What goes wrong, done as a script says. A fault that lasts ends by itself; healing ends all of them.
 * One that has no object any more (its node is dead, no leader is known) does nothing.
 *
 * Power is cut, a disk replaced or damaged only in a calm moment, and where an intact copy of each record remains in the ISR;
 * until that disk is known to have lost data nothing else goes wrong. Without eligible leader
 * replicas (KIP-966) an ISR may otherwise shrink to the one that lost its data.
 */
import type { Checker } from './checker.ts'
import type { Client } from './client.ts'
import { createClientFaults } from './client-faults.ts'
import type { SimCluster, SimNode } from './cluster.ts'
import { calmCheck, calmSyncMs } from './disk.ts'
import { createDiskFaults } from './disk-faults.ts'
import { sendHostile } from './hostile.ts'
import { createLinkFaults } from './link-faults.ts'
import type { Scheduler } from './scheduler.ts'
import type { Fault, Target } from './script.ts'
import type { Trace } from './trace.ts'
import { type NetworkFaults, quietNetwork } from './ways.ts'
import { createZombieFaults } from './zombie-faults.ts'

export type Faults = {
  /** Of the links, from now on. */
  setNetwork(faults: NetworkFaults): void
  /** @returns false when it had no object, or was not to be now */
  perform(fault: Fault): boolean
  /** All ends, and everything runs again. */
  heal(): void
  injected(): ReadonlyMap<string, number>
}

export type FaultPorts = {
  scheduler: Scheduler
  trace: Trace
  cluster: SimCluster
  checker: Checker
  client(name: string): Client
  /** A violation that shows later. */
  fail(why: unknown): void
}

export type Performed = { [K in Fault['do']]: (fault: Extract<Fault, { do: K }>) => boolean }

/** Who it is now; undefined: nobody. */
export function resolve(cluster: SimCluster, target: Target): SimNode | undefined {
  if (typeof target === 'number') return cluster.nodes[target - 1]
  if (target === 'controller') {
    const led = cluster.nodes
      .map((node) => ({ node, epoch: node.parts?.quorum.rpc.leadership()?.epoch ?? -1 }))
      .reduce((newest, each) => (each.epoch > newest.epoch ? each : newest))
    return led.epoch < 0 ? undefined : led.node
  }
  const [, topic, partition] = /^leader of (.+)-(\d+)$/.exec(target) ?? []
  if (topic === undefined) throw new Error(`no node is called ${JSON.stringify(target)}`)
  const state = cluster.newestImage()?.topicByName(topic)?.partition(Number(partition))
  return state === undefined || state.leader < 0 ? undefined : cluster.node(state.leader)
}

export function createFaults(ports: FaultPorts): Faults {
  const { scheduler, trace, cluster, checker } = ports
  const { nodes, network, sockets } = cluster
  const counts = new Map<string, number>()
  const endings = new Set<() => void>()
  let isHealed = false

  const happened = (name: string) => void counts.set(name, (counts.get(name) ?? 0) + 1)

  function lasting(ms: number, end: () => void): true {
    const once = () => {
      if (endings.delete(once)) end()
    }
    endings.add(once)
    scheduler.after(ms, once)
    return true
  }

  const startLater = (node: SimNode, ms: number) =>
    lasting(ms, () => {
      if (node.end === undefined) cluster.start(node)
    })

  const find = (target: Target) => resolve(cluster, target)

  /** Whether its disk may lose what is not synced. */
  function mayLose(node: SimNode): boolean {
    const { lossRate, stallRate } = network.faults
    if (endings.size > 0 || lossRate > 0.05 || stallRate > 0) return false
    const isCalm = nodes.every(({ parts, machine }) => parts !== undefined && !machine.isPaused())
    if (!isCalm) return false
    const image = cluster.newestImage()
    // Who began a new life and has not registered yet is about to leave each ISR.
    const serves = (id: number) => {
      const known = image?.brokers().get(id)
      const { endpoint } = cluster.node(id).parts!
      return known?.fenced === false && known.incarnationId === endpoint.incarnationId
    }
    for (const topic of image?.topics() ?? []) {
      for (let index = 0; index < topic.partitionCount(); index++) {
        const { replicas, isr } = topic.partition(index)!
        const isHeld = isr.some((id) => id !== node.id && serves(id))
        if (replicas.includes(node.id) && !isHeld) return false
      }
    }
    return true
  }

  const performed: Performed = {
    kill({ node: target, forMs }) {
      const node = find(target)
      if (node?.end === undefined) return false
      cluster.kill(node)
      return startLater(node, forMs)
    },
    powerCut({ node: target, forMs }) {
      const node = find(target)
      if (node?.end === undefined || !mayLose(node)) return false
      cluster.powerCut(node)
      checker.lost(node.id)
      return startLater(node, forMs)
    },
    ...createDiskFaults({
      ...ports,
      find,
      mayLose,
      lasting,
      startLater,
      isHealed: () => isHealed,
      happened,
    }),
    stop({ node: target, forMs }) {
      const node = find(target)
      if (node?.running === undefined) return false
      cluster.stop(node)
      return startLater(node, forMs)
    },
    pause({ node: target, forMs }) {
      const node = find(target)
      if (node?.end === undefined || node.machine.isPaused()) return false
      node.machine.pauseUntil(scheduler.now() + forMs)
      return true
    },
    // While the first starts either may come first: only one that runs holds its directories for sure.
    secondProcess({ node: target }) {
      const node = find(target)
      if (node?.running === undefined || node.isStopping || node.machine.isPaused()) return false
      if (node.isStricken || node.offline.size > 0 || node.disk.faults.check !== calmCheck)
        return false
      const { lives } = node
      cluster.startTwin(node).then(
        (why) => trace.note('second process refused', { node: node.id, why: String(why) }),
        (why: unknown) => {
          if (node.lives === lives && node.running !== undefined) ports.fail(why)
        },
      )
      return true
    },
    ...createLinkFaults({ cluster, find, lasting }),
    ...createClientFaults({ ...ports, find, lasting }),
    ...createZombieFaults({ ...ports, lasting }),
    clientCut({ node: target, forMs }) {
      const node = find(target)
      if (node === undefined) return false
      sockets.unreachable.add(node.id)
      return lasting(forMs, () => sockets.unreachable.delete(node.id))
    },
    slowSync({ node: target, syncMs, forMs }) {
      const node = find(target)
      if (node === undefined) return false
      const { faults } = node.disk
      faults.syncMs = syncMs
      // Not what it was before: that may have been slow, too, and long ended.
      return lasting(forMs, () => {
        faults.syncMs = calmSyncMs
      })
    },
    clockStep({ node: target, byMs }) {
      find(target)?.machine.stepClock(byMs)
      return true
    },
    clockDrift({ node: target, rate, forMs }) {
      const node = find(target)
      if (node === undefined) return false
      node.machine.setRate(rate)
      return lasting(forMs, () => node.machine.setRate(1))
    },
    hostile({ node: target, seed, forMs }) {
      const node = find(target)
      return node?.isBroker === true && lasting(forMs, sendHostile(sockets, node.address, seed))
    },
    reset() {
      sockets.resetAll()
      return true
    },
  }

  return {
    setNetwork(faults) {
      network.faults = { ...faults }
    },
    perform(fault) {
      if (nodes.some(({ isSuspect }) => isSuspect)) return false
      if (!performed[fault.do](fault as never)) return false
      happened(fault.as ?? fault.do)
      trace.note('fault', fault)
      return true
    },
    heal() {
      isHealed = true
      network.faults = { ...quietNetwork }
      for (const end of [...endings]) end()
      network.healAll()
      network.gapMsMax = 0
      network.intercept = undefined
      sockets.unreachable.clear()
      // A directory that failed is used again by a new life only.
      for (const node of nodes) if (node.offline.size > 0) cluster.kill(node)
      for (const node of nodes) if (node.end === undefined) cluster.start(node)
      trace.note('healed', {})
    },
    injected: () => counts,
  }
}
