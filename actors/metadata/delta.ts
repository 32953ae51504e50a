/** Collects what changed between two published images. */
import type { ConfigResource, MetadataDelta } from './image.ts'
import { configKey } from './state.ts'

export type Changes = {
  partition(topicId: string, partition: number): void
  topicDeleted(topicId: string, name: string, partitions: number): void
  broker(brokerId: number): void
  config(of: ConfigResource): void
  features(): void
  /** What was collected so far, as others see it. */
  delta(fromSnapshot: boolean): MetadataDelta
}

export function collectChanges(): Changes {
  const changedPartitions = new Map<string, Set<number>>()
  const deletedTopics = new Map<string, { name: string; partitions: number }>()
  const changedBrokers = new Set<number>()
  const configs = new Map<string, ConfigResource>()
  let featuresChanged = false
  return {
    partition(topicId, partition) {
      const known = changedPartitions.get(topicId)
      if (known === undefined) changedPartitions.set(topicId, new Set([partition]))
      else known.add(partition)
    },
    topicDeleted(topicId, name, partitions) {
      changedPartitions.delete(topicId)
      deletedTopics.set(topicId, { name, partitions })
    },
    broker: (brokerId) => changedBrokers.add(brokerId),
    config: (of) => configs.set(configKey(of), of),
    features: () => {
      featuresChanged = true
    },
    delta: (fromSnapshot) => ({
      fromSnapshot,
      changedPartitions,
      deletedTopics,
      changedBrokers,
      changedConfigs: [...configs.values()],
      featuresChanged,
    }),
  }
}
