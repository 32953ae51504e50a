/** Random histories of metadata records, each legal after those before it. */
import fc from 'fast-check'
import type { MetadataRecord } from '../../transport/records/metadata.ts'

const topicIds = ['t0', 't1', 't2', 't3', 't4', 't5'].map((id) => id.padEnd(22, 'A'))
const names = ['plain', 'a.b', 'a_b', 'logs', 'x.y_z', 'x_y.z']

type Model = {
  brokers: Map<number, number>
  topics: Map<string, { name: string; partitions: { replicas: number[]; isr: number[] }[] }>
  features: Set<string>
  nextProducerId: number
}

/** A choice is a few numbers; what they mean depends on what exists. */
export type Choice = { kind: number; a: number; b: number; c: number }

export const choices = (maxLength: number): fc.Arbitrary<Choice[]> =>
  fc.array(fc.record({ kind: fc.nat(11), a: fc.nat(99), b: fc.nat(99), c: fc.nat(99) }), {
    maxLength,
  })

/** Batches of records that follow one another legally. */
export function history(of: readonly Choice[]): MetadataRecord[][] {
  const model: Model = {
    brokers: new Map(),
    topics: new Map(),
    features: new Set(),
    nextProducerId: 0,
  }
  let offset = 0
  return of.flatMap((choice) => {
    const batch = step(model, choice, offset)
    offset += batch.length
    return batch.length === 0 ? [] : [batch]
  })
}

const pick = <T>(from: Iterable<T>, n: number): T | undefined => {
  const all = [...from]
  return all.length === 0 ? undefined : all[n % all.length]
}

const rotated = (n: number): number[] => [0, 1, 2].map((i) => ((n + i) % 5) + 1)

function step(model: Model, { kind, a, b, c }: Choice, offset: number): MetadataRecord[] {
  switch (kind) {
    case 0:
      return [register(model, (a % 5) + 1, offset)]
    case 1: {
      const broker = pick(model.brokers, a)
      return broker === undefined ? [] : [changeBroker(broker, b)]
    }
    case 2:
    case 3:
      return createTopic(model, a, b, c)
    case 4: {
      const id = pick(model.topics.keys(), a)
      if (id === undefined) return []
      model.topics.delete(id)
      return [{ type: 'RemoveTopicRecord', topicId: id }]
    }
    case 5:
    case 6:
    case 7:
      return changePartition(model, a, b, c)
    case 8:
      return [
        {
          type: 'ConfigRecord',
          resourceType: [2, 4, 32][a % 3]!,
          resourceName: ['plain', '', '1'][b % 3]!,
          name: ['retention.ms', 'segment.bytes'][c % 2]!,
          value: c % 5 === 0 ? null : String(c),
        },
      ]
    case 9:
      return [
        { type: 'FeatureLevelRecord', name: ['metadata.version', 'f'][a % 2]!, featureLevel: b },
      ]
    case 10:
      model.nextProducerId += 1000
      return [
        {
          type: 'ProducerIdsRecord',
          brokerId: 1,
          brokerEpoch: 1,
          nextProducerId: model.nextProducerId,
        },
      ]
    default:
      return [
        {
          type: 'ClientQuotaRecord',
          entity: [{ entityType: 'user', entityName: a % 2 === 0 ? null : 'kim' }],
          key: 'producer_byte_rate',
          value: b,
          remove: false,
        },
      ]
  }
}

function register(model: Model, brokerId: number, offset: number): MetadataRecord {
  model.brokers.set(brokerId, offset)
  return {
    type: 'RegisterBrokerRecord',
    brokerId,
    isMigratingZkBroker: false,
    incarnationId: `i${offset}`.padEnd(22, 'A'),
    brokerEpoch: offset,
    endPoints: [{ name: 'PLAINTEXT', host: 'localhost', port: 9092, securityProtocol: 0 }],
    features: [{ name: 'metadata.version', minSupportedVersion: 7, maxSupportedVersion: 30 }],
    rack: null,
    fenced: true,
    inControlledShutdown: false,
    logDirs: [`d${brokerId}`.padEnd(22, 'A')],
    cordonedLogDirs: null,
  }
}

const changeBroker = ([brokerId, brokerEpoch]: [number, number], b: number): MetadataRecord => ({
  type: 'BrokerRegistrationChangeRecord',
  brokerId,
  brokerEpoch,
  fenced: [-1, 0, 1][b % 3]!,
  inControlledShutdown: b % 2,
  logDirs: [],
  cordonedLogDirs: null,
})

function createTopic(model: Model, a: number, b: number, c: number): MetadataRecord[] {
  const topicId = topicIds[a % topicIds.length]!
  const name = names[b % names.length]!
  const taken = [...model.topics].some(([id, topic]) => id === topicId || topic.name === name)
  if (taken) return []
  const count = (c % 4) + 1
  const partitions = Array.from({ length: count }, (_, i) => {
    const replicas = rotated(c + i)
    return { replicas, isr: replicas }
  })
  model.topics.set(topicId, { name, partitions })
  return [
    { type: 'TopicRecord', name, topicId },
    ...partitions.map(
      ({ replicas, isr }, partitionId): MetadataRecord => ({
        type: 'PartitionRecord',
        partitionId,
        topicId,
        replicas,
        isr,
        removingReplicas: [],
        addingReplicas: [],
        leader: replicas[0]!,
        leaderRecoveryState: 0,
        leaderEpoch: 0,
        partitionEpoch: 0,
        directories: replicas.map((id) => `d${id}`.padEnd(22, 'A')),
        eligibleLeaderReplicas: null,
        lastKnownElr: null,
      }),
    ),
  ]
}

function changePartition(model: Model, a: number, b: number, c: number): MetadataRecord[] {
  const found = pick(model.topics, a)
  if (found === undefined) return []
  const [topicId, { partitions }] = found
  const partitionId = b % partitions.length
  const { replicas } = partitions[partitionId]!
  const isr = replicas.filter((_, i) => (c >> i) % 2 === 1)
  if (isr.length === 0) isr.push(replicas[0]!)
  return [
    {
      type: 'PartitionChangeRecord',
      partitionId,
      topicId,
      isr,
      leader: c % 7 === 0 ? -1 : isr[0]!,
      replicas: null,
      removingReplicas: c % 5 === 0 ? [replicas[2]!] : [],
      addingReplicas: null,
      leaderRecoveryState: -1,
      directories: null,
      eligibleLeaderReplicas: null,
      lastKnownElr: null,
    },
  ]
}
