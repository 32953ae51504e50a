/**
 * From the metadata image to replicas: what this broker has to lead, follow, create and remove.
 *
 * Source: Kafka's TopicsDelta.localChanges. State belongs to a topic id (P17): what lies on disk
 * under the same name but another id is set aside, never reused (S11).
 */

import { unassignedDirectory } from '../metadata/directory-ids.ts'
import type { MetadataDelta, MetadataImage, PartitionState, TopicView } from '../metadata/image.ts'
import { StorageError, type TopicPartition } from '../ports/log.ts'

/** What the image asks of one replica of this broker. */
export type Assigned = TopicPartition & {
  topicId: string
  state: PartitionState
  /** Where the controller believes it; a reserved id: anywhere. */
  directoryId: string
}

export type LocalChanges = {
  /** Created or changed, in the order of the image. */
  assigned: Assigned[]
  /** No longer this broker's. */
  removed: { topicId: string; partition: number }[]
}

function assignedOf(topic: TopicView, index: number, nodeId: number): Assigned | undefined {
  const state = topic.partition(index)
  const place = state?.replicas.indexOf(nodeId) ?? -1
  if (state === undefined || place < 0) return undefined
  const directoryId = state.directories[place]
  return {
    topic: topic.name,
    topicId: topic.id,
    partition: index,
    state,
    directoryId: directoryId ?? unassignedDirectory,
  }
}

function everyPartition(image: MetadataImage): Map<string, Iterable<number>> {
  const all = new Map<string, Iterable<number>>()
  for (const topic of image.topics()) {
    all.set(
      topic.id,
      Array.from({ length: topic.partitionCount() }, (_, index) => index),
    )
  }
  return all
}

/**
 * @param hosted replicas that this broker has, so that a snapshot can take them away
 * @param everything the first image, or one from a snapshot: all counts as changed
 */
export function localChanges(
  nodeId: number,
  image: MetadataImage,
  delta: MetadataDelta,
  everything: boolean,
  hosted: Iterable<{ topicId: string; partition: number }>,
): LocalChanges {
  const assigned: Assigned[] = []
  const removed: { topicId: string; partition: number }[] = []
  const changed = everything ? everyPartition(image) : delta.changedPartitions
  for (const [topicId, partitions] of changed) {
    const topic = image.topicById(topicId)
    if (topic === undefined) continue
    for (const index of partitions) {
      const mine = assignedOf(topic, index, nodeId)
      if (mine !== undefined) assigned.push(mine)
      else removed.push({ topicId, partition: index })
    }
  }
  if (everything) {
    for (const { topicId, partition } of hosted) {
      if (image.topicById(topicId) === undefined) removed.push({ topicId, partition })
    }
  } else {
    for (const [topicId, { partitions }] of delta.deletedTopics) {
      for (let partition = 0; partition < partitions; partition++) {
        removed.push({ topicId, partition })
      }
    }
  }
  return { assigned, removed }
}

/** A failing directory is told by its own listener; the replica without a log is offline. */
export function orOffline<T>(make: () => T): T | undefined {
  try {
    return make()
  } catch (error) {
    if (error instanceof StorageError) return undefined
    throw error
  }
}
