/**
 * What goes wrong between nodes: ways that are cut, refused or narrow, and servers that go, part, end
 * a connection or know a subscription late. Both kinds of simulated links play all of it; on the
 * production link a node has two connections, which may be at different servers.
 */
import type { SimNode } from './cluster.ts'
import type { FaultPorts, Performed } from './faults.ts'
import type { Target } from './script.ts'

export type LinkFaultPorts = Pick<FaultPorts, 'cluster'> & {
  find(target: Target): SimNode | undefined
  lasting(ms: number, end: () => void): true
}

type LinkFaultName =
  | 'isolate'
  | 'oneWay'
  | 'halves'
  | 'serverRestart'
  | 'serverLoss'
  | 'routeSplit'
  | 'slowConsumer'
  | 'revoked'
  | 'slowLink'

type Way = readonly [from: number, to: number]

export function createLinkFaults(ports: LinkFaultPorts): Pick<Performed, LinkFaultName> {
  const { cluster, find, lasting } = ports
  const { nodes, network } = cluster
  const findAll = (targets: readonly Target[]) =>
    nodes.filter((node) => targets.some((target) => find(target) === node))

  const waysOf = (from: readonly SimNode[], to: readonly SimNode[]): Way[] =>
    from.flatMap((a) => to.filter((b) => b !== a).map((b) => [a.id, b.id] as const))
  const both = (ways: Way[]): Way[] => ways.flatMap(([a, b]) => [[a, b] as const, [b, a] as const])

  function cut(ways: readonly Way[], ms: number): boolean {
    if (ways.length === 0) return false
    for (const [a, b] of ways) network.cut(a, b)
    return lasting(ms, () => {
      for (const [a, b] of ways) network.mend(a, b)
    })
  }

  function refuse(ways: readonly Way[], ms: number): boolean {
    for (const [a, b] of ways) network.refuse(a, b)
    return lasting(ms, () => {
      for (const [a, b] of ways) network.permit(a, b)
    })
  }

  return {
    isolate({ node: target, forMs }) {
      const node = find(target)
      return node !== undefined && cut(both(waysOf([node], nodes)), forMs)
    },
    oneWay: ({ from, to, forMs }) => cut(waysOf(findAll(from), findAll(to)), forMs),
    halves({ nodes: targets, forMs }) {
      const left = findAll(targets)
      const right = nodes.filter((node) => !left.includes(node))
      return cut(both(waysOf(left, right)), forMs)
    },
    serverRestart({ forMs, gapMs = 0 }) {
      network.gapMsMax = gapMs
      network.serverDown()
      return lasting(forMs, () => network.serverUp())
    },
    serverLoss({ server, forMs }) {
      network.loseServer(server)
      return lasting(forMs, () => network.restoreServer(server))
    },
    routeSplit({ forMs }) {
      network.split(true)
      return lasting(forMs, () => network.split(false))
    },
    slowConsumer({ node: target }) {
      const node = find(target)
      if (node?.end === undefined) return false
      network.expel(node.id)
      return true
    },
    // The server says so to nobody but the node itself, which can do nothing about it.
    revoked({ node: target, what, forMs }) {
      const node = find(target)
      if (node === undefined) return false
      return what === 'publish'
        ? cut(waysOf([node], nodes), forMs)
        : refuse(waysOf(nodes, [node]), forMs)
    },
    slowLink({ node: target, bytesPerS, forMs }) {
      const node = find(target)
      if (node === undefined) return false
      const ways = both(waysOf([node], nodes))
      for (const [a, b] of ways) network.narrow(a, b, bytesPerS)
      return lasting(forMs, () => {
        for (const [a, b] of ways) network.widen(a, b)
      })
    },
  }
}
