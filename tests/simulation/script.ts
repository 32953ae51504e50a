/**
 * A history before it happens: the cluster, what its clients want, how its links behave, and every
 * fault and every operation with its time. A seed draws one, `--shrink` writes one with less, a named
 * scenario is one that was written by hand or kept. Playing it draws nothing but how long each
 * message, sync and timeout takes, from the script's seed.
 */
import type { ClientFaultName } from './client-faults.ts'
import type { ClusterShape } from './cluster.ts'
import type { Damage } from './damage.ts'
import type { NetworkFaults } from './ways.ts'
import type { ZombieFault } from './zombie-faults.ts'

/** A node by its id, or by what it is when the action comes: `controller`, `leader of first-0`. */
export type Target = number | string

/** What it was drawn as, where that is more than one action. */
export type Fault = { as?: string } & (
  | {
      do: 'kill' | 'powerCut' | 'wipe' | 'stop' | 'pause' | 'isolate' | 'clientCut'
      node: Target
      forMs: number
    }
  /** Nothing gets from any of these to any of those. */
  | { do: 'oneWay'; from: Target[]; to: Target[]; forMs: number }
  /** These apart from all others. */
  | { do: 'halves'; nodes: Target[]; forMs: number }
  /** All servers of the links; whoever is back is not heard at once, but up to so much later. */
  | { do: 'serverRestart'; forMs: number; gapMs?: number }
  /** One of them. */
  | { do: 'serverLoss'; server: number; forMs: number }
  /** What is sent at one server is heard at no other. */
  | { do: 'routeSplit'; forMs: number }
  /** The server ends its connections, with what waits for it there. */
  | { do: 'slowConsumer'; node: Target }
  /** It may not publish any more, or not hear what it is subscribed to. */
  | { do: 'revoked'; node: Target; what: 'publish' | 'subscribe'; forMs: number }
  /** To it and from it. */
  | { do: 'slowLink'; node: Target; bytesPerS: number; forMs: number }
  | { do: 'slowSync'; node: Target; syncMs: number; forMs: number }
  | { do: 'clockStep'; node: Target; byMs: number }
  /** Its clocks run so much faster than true time. */
  | { do: 'clockDrift'; node: Target; rate: number; forMs: number }
  | { do: 'reset' }
  /** Another process is started with its directories while it runs. */
  | { do: 'secondProcess'; node: Target }
  /**
   * Calls of this kind for one of its log directories fail. It ends when that is its first; otherwise it
   * goes on with the others, and once the time is over it is started anew.
   */
  | {
      do: 'diskError'
      node: Target
      /** Counted around, where it has fewer. */
      directory: number
      operation: 'read' | 'write' | 'sync'
      code: 'EIO' | 'ENOSPC' | 'EROFS'
      /** Of what is written, so much gets there before the error. */
      share: number
      forMs: number
    }
  /** It is killed, and has another, empty directory in place of one when it comes back. */
  | { do: 'replaceDirectory'; node: Target; directory: number; forMs: number }
  /** It is killed, and something on its disk is another when it comes back. */
  | ({ do: 'bitFlip'; node: Target; forMs: number } & Damage)
  /** It is killed, and one of its small files is gone, or empty, when it comes back. */
  | { do: 'fileLost'; node: Target; how: 'missing' | 'empty'; seed: number; forMs: number }
  /**
   * It stops cleanly and goes on; later it is killed, and comes back with what its disk held then. Of a
   * voter only the directories without the metadata log: an old vote breaks what Raft assumes.
   */
  | { do: 'oldCopy'; node: Target; afterMs: number; forMs: number }
  | ZombieFault
  /** Clients as no good one is: client-faults.ts. */
  | { do: ClientFaultName; node: Target; forMs: number }
  /** Somebody sends it what is no request; the bytes are of this seed. */
  | { do: 'hostile'; node: Target; seed: number; forMs: number }
)

/** One batch; `label` makes its values unlike all others. */
export type Produce = {
  do: 'produce'
  producer: string
  label: number
  topic: string
  partition: number
  bytes: number[]
}
/** The topics that are created and deleted are told apart by a number behind their name. */
export type AdminOperation =
  | { do: 'createTopic' | 'createPartitions'; topic: string; partitions: number }
  | { do: 'deleteTopic'; topic: string }
  | { do: 'alterConfig'; topic: string; key: string; value: string }
  | { do: 'electLeader'; topic: string; partition: number }
  /** All below this share of what was read so far. */
  | { do: 'deleteRecords'; topic: string; partition: number; share: number }
  /** null: a move that is under way is cancelled. */
  | { do: 'reassign'; topic: string; partition: number; replicas: number[] | null }
export type GroupOperation = {
  do: 'joinGroup' | 'leaveGroup' | 'killMember'
  group: string
  member: string
}
export type Operation = Produce | AdminOperation | GroupOperation

/** Names of topics that are deleted and created again begin so; what is sent to one goes by its id. */
export const RECREATED = 'again-'

export type Action = Fault | Operation
export type Timed<A> = A & { at: number }

export type TopicSpec = {
  name: string
  partitions: number
  configs: Record<string, string>
  /** The replicas of each partition; absent: the controller places them. */
  replicas?: number[][]
}
export type ProducerSpec = {
  name: string
  acks: -1 | 0 | 1
  inFlightMax: number
  /** It raises its epoch after so many records; absent: never. */
  epochEvery?: number
}
export type GroupSpec = { id: string; topic: string }
export type Workload = { topics: TopicSpec[]; producers: ProducerSpec[]; groups: GroupSpec[] }

export type Script = {
  seed: number
  shape: ClusterShape
  workload: Workload
  /** Of all links, as long as things go wrong. */
  network: NetworkFaults
  /** How long things go wrong. */
  faultyMs: number
  /** By time, from the moment the topics are there. */
  actions: Timed<Action>[]
}

/** @throws Error with one line that says what is missing */
export function parseScript(text: string): Script {
  const script = JSON.parse(text) as Partial<Script>
  for (const name of ['seed', 'shape', 'workload', 'network', 'faultyMs', 'actions'] as const) {
    if (script?.[name] === undefined) throw new Error(`a script has ${name}`)
  }
  return script as Script
}
