/** What is measured: a piece of work, the figures that it yields, and the ratios aimed at. */
import type { Cluster, Form, System } from '../systems/system.ts'

/** Figures by name; all but `throughput` are better when smaller. */
export type Measures = Record<string, number>

export type Figure = { title: string; unit: string; isBetterHigher?: true }

export const figures: Record<string, Figure> = {
  throughput: { title: 'throughput', unit: 'k records/s', isBetterHigher: true },
  cpu: { title: 'CPU', unit: 's per M records' },
  cpuSeconds: { title: 'CPU', unit: 's' },
  cores: { title: 'CPU', unit: 'cores' },
  p50: { title: 'p50', unit: 'ms' },
  p75: { title: 'p75', unit: 'ms' },
  p99: { title: 'p99', unit: 'ms' },
  p999: { title: 'p99.9', unit: 'ms' },
  time: { title: 'time', unit: 's' },
  create: { title: 'create', unit: 's' },
  delete: { title: 'delete', unit: 's' },
  gap: { title: 'longest gap', unit: 's' },
  memory: { title: 'memory', unit: 'MB' },
  growth: { title: 'memory of the last third to that of the second', unit: 'ratio' },
  minutes: { title: 'duration', unit: 'min' },
  peak: { title: 'peak memory', unit: 'MB' },
  load: { title: 'CPU at rest', unit: '% of a core' },
  clientCpu: { title: 'CPU of the client', unit: 's' },
}

export type Heat = 'cold' | 'warm'

/** The ratio aimed at for a figure: of throughput at least, of the others at most. */
export type Aims = Partial<Record<`${Form} ${Heat}`, Record<string, number>>>

/** A topic of its own in a cluster that serves. */
export type Bench = {
  cluster: Cluster
  topic: string
  /** 1, or a fraction of it for a smoke run: numbers of records and seconds are multiplied by it. */
  scale: number
  /** Loads of hours are wanted, not of minutes. */
  isHour: boolean
  /** Runs `work`, and tells what the servers' processes used meanwhile. */
  used<T>(work: () => Promise<T>): Promise<{ answer: T; cpu: number; peak: number }>
}

type Common = {
  name: string
  title: string
  isQuick?: true
  /** Absent: both. */
  forms?: Form[]
  aims: Aims
}

/** Runs on a cluster that serves, on a topic of its own. */
export type OnCluster = Common & {
  kind: 'cluster'
  heats: Heat[]
  partitions: number
  /** What is set on one side only; said in the title. */
  properties?: Partial<Record<System['name'], Record<string, string>>>
  /** Takes so long itself, or is so rare, that rounds before it would say nothing. */
  isWarmAnyway?: true
  /** Not measured. */
  prepare?(bench: Bench): Promise<void>
  measure(bench: Bench): Promise<Measures>
}

/** Starts and ends clusters itself. */
export type OnSystem = Common & {
  kind: 'system'
  measure(start: { system: System; folder: string; scale: number }): Promise<Measures>
}

export type Workload = OnCluster | OnSystem
