/** What clients do, from a seed: records, topics that come and go, bounds, groups, and an admin. */
import type { ClusterShape } from './cluster.ts'
import { round, times } from './draw-times.ts'
import { type SeededRandom, someOf } from './random.ts'
import {
  type Action,
  type GroupSpec,
  type ProducerSpec,
  RECREATED,
  type Timed,
  type TopicSpec,
} from './script.ts'

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

export function drawParts(random: SeededRandom, wanted: readonly WorkloadName[] | undefined) {
  const drawn = workloadNames.filter(() => random.chance(0.4))
  return new Set(wanted ?? drawn)
}

type Sends = {
  producer: ProducerSpec
  index: number
  topics: readonly TopicSpec[]
  faultyMs: number
  random: SeededRandom
  sendEveryMs: number | undefined
}

export function drawSends(sends: Sends): Timed<Action>[] {
  const { producer, index, topics, faultyMs, random, sendEveryMs } = sends
  const partitions = topics.flatMap(({ name, partitions: count }) =>
    Array.from({ length: count }, (_, partition) => ({ topic: name, partition })),
  )
  const drawnMs = random.between(20, 200)
  const meanMs = sendEveryMs ?? drawnMs
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
export const RECREATOR = 'recreator'

export const drawRecreated = (random: SeededRandom): TopicSpec[] =>
  Array.from({ length: 1 + random.below(2) }, (_, index) => ({
    name: `${RECREATED}${index}`,
    partitions: 1 + random.below(3),
    configs: {},
  }))

type Lives = { topic: TopicSpec; faultyMs: number; random: SeededRandom }

/** It is created, lives for some seconds, is deleted, and soon created again. */
export function drawLives({
  topic: { name, partitions },
  faultyMs,
  random,
}: Lives): Timed<Action>[] {
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

export function drawBounded(random: SeededRandom): TopicSpec {
  const configs: Record<string, string> = soonOld(random)
  const kind = random.below(3)
  if (kind !== 0) configs['retention.ms'] = String(Math.round(random.between(500, 10_000)))
  if (kind !== 1) configs['retention.bytes'] = String(Math.round(random.between(0, 20_000)))
  return { name: 'bounded', partitions: 1 + random.below(2), configs }
}

export const drawCompacted = (random: SeededRandom): TopicSpec => ({
  name: 'compacted',
  partitions: 1 + random.below(2),
  configs: {
    ...soonOld(random),
    'cleanup.policy': 'compact',
    'min.cleanable.dirty.ratio': '0.01',
    'delete.retention.ms': String(random.below(2_000)),
  },
})

export function drawDeletions({
  topics,
  faultyMs,
  random,
}: Omit<AdminDraw, 'shape'>): Timed<Action>[] {
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

export function drawAdmin({ topics, shape, faultyMs, random }: AdminDraw): Timed<Action>[] {
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

type MemberDraw = { groups: readonly GroupSpec[]; faultyMs: number; random: SeededRandom }

export function drawMembers({ groups, faultyMs, random }: MemberDraw): Timed<Action>[] {
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
