/**
 * The servers between nodes, the same in both kinds of simulated links: which run, who is connected to
 * which, and whether they hear each other. Who loses its server comes back at another.
 */
import type { SimNetwork } from './network.ts'
import type { SeededRandom } from './random.ts'
import type { Scheduler } from './scheduler.ts'

export const servers = 2

/** Who is connected, as a server sees it; its client notices later. */
export type Connected = {
  nodeId: number
  isConnected: boolean
  /** Of the server that it is connected to. */
  server: number
  /** How often it was disconnected: what waited for it then is lost. */
  losses: number
  /** Until then that server does not know what it is subscribed to. */
  deafUntil: number
}

export const notConnected = { isConnected: false, server: 0, losses: 0, deafUntil: 0 }

type Ports<C extends Connected> = {
  scheduler: Scheduler
  random: SeededRandom
  network(): Pick<SimNetwork, 'gapMsMax' | 'isRefused'>
  everybody(): Iterable<C>
  /** @param noticeMsMax what its client may take to see it */
  disconnect(who: C, noticeMsMax: number): void
  enterLater(who: C): void
}

/** What a client takes to see that its server is gone; where its machine goes on, that closes what was open. */
const noticeMsMax = 500
const noticeClosedMsMax = 20

export function createServers<C extends Connected>(ports: Ports<C>) {
  const { scheduler, random, network, everybody, disconnect, enterLater } = ports
  const running = new Set(Array.from({ length: servers }, (_, index) => index))
  let isSplit = false

  return {
    areDown: () => running.size === 0,
    enter(who: C): void {
      who.isConnected = true
      who.server = random.pick([...running])
      who.deafUntil = scheduler.now() + random.between(0, network().gapMsMax)
    },
    /** Else the server of who sends tells that nobody listens there. */
    hears: (who: Connected, from: Connected): boolean =>
      who.isConnected &&
      who.deafUntil <= scheduler.now() &&
      !(isSplit && who.server !== from.server) &&
      !network().isRefused(from.nodeId, who.nodeId),
    faults: {
      serverDown() {
        running.clear()
        for (const who of everybody()) disconnect(who, noticeMsMax)
      },
      serverUp() {
        for (let index = 0; index < servers; index++) running.add(index)
        for (const who of everybody()) enterLater(who)
      },
      loseServer(index) {
        running.delete(index)
        for (const who of everybody()) if (who.server === index) disconnect(who, noticeClosedMsMax)
      },
      restoreServer(index) {
        running.add(index)
        for (const who of everybody()) if (!who.isConnected) enterLater(who)
      },
      split(now) {
        isSplit = now
      },
      expel(nodeId) {
        for (const who of everybody()) if (who.nodeId === nodeId) disconnect(who, 0)
      },
    } satisfies Partial<SimNetwork>,
  }
}
