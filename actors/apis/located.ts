/**
 * Where a topic's partition is: here, on another broker, or nowhere. And whom to tell a client to
 * ask instead (KIP-951).
 */
import type { ErrorName } from '../../transport/protocol/errors.ts'
import { ZERO_UUID } from '../../transport/protocol/schema.ts'
import type { BrokerEndpoint, BrokerState, MetadataImage } from '../metadata/image.ts'
import type { Replicas } from '../replica/manager.ts'
import type { Partition } from '../replica/partition.ts'

type Host = { image(): MetadataImage; readonly replicas: Pick<Replicas, 'find'> }

export type Located = { row: Partition; error: 'NONE' } | { row: undefined; error: ErrorName }

/** A topic as a request names it: by id from the version on that has ids, else by name. */
export type TopicRef = { name: string; topicId: string }

export function topicOf({ image }: Host, { name, topicId }: TopicRef) {
  return topicId === ZERO_UUID ? image().topicByName(name) : image().topicById(topicId)
}

export function locate(host: Host, of: TopicRef, partition: number): Located {
  const byId = of.topicId !== ZERO_UUID
  const topic = topicOf(host, of)
  if (topic === undefined) {
    return { row: undefined, error: byId ? 'UNKNOWN_TOPIC_ID' : 'UNKNOWN_TOPIC_OR_PARTITION' }
  }
  const row = host.replicas.find({ topicId: topic.id, partition })
  if (row !== undefined) return { row, error: 'NONE' }
  const exists = topic.partition(partition) !== undefined
  return {
    row: undefined,
    error: exists ? 'NOT_LEADER_OR_FOLLOWER' : 'UNKNOWN_TOPIC_OR_PARTITION',
  }
}

/** Takes part: registered and not fenced. */
export const isAlive = (broker: BrokerState | undefined): broker is BrokerState =>
  broker !== undefined && !broker.fenced

export const endpointOf = (broker: BrokerState, listenerName: string): BrokerEndpoint | undefined =>
  broker.endpoints.find(({ name }) => name === listenerName)

export type CurrentLeader = { leaderId: number; leaderEpoch: number }
export const noLeader: CurrentLeader = Object.freeze({ leaderId: -1, leaderEpoch: -1 })

/** Errors that say: ask another broker, or look at the metadata again. */
export const tellsLeader = (error: ErrorName): boolean =>
  error === 'NOT_LEADER_OR_FOLLOWER' || error === 'FENCED_LEADER_EPOCH'

export function currentLeader(host: Host, of: TopicRef, partition: number): CurrentLeader {
  const state = topicOf(host, of)?.partition(partition)
  return state ? { leaderId: state.leader, leaderEpoch: state.leaderEpoch } : noLeader
}

/** Where the leaders that an answer names are reached, over the listener that asked. */
export function nodeEndpoints(host: Host, leaderIds: Iterable<number>, listenerName: string) {
  const brokers = host.image().brokers()
  return [...new Set(leaderIds)].flatMap((id) => {
    const broker = brokers.get(id)
    const endpoint = broker && endpointOf(broker, listenerName)
    if (broker === undefined || endpoint === undefined) return []
    return [{ nodeId: id, host: endpoint.host, port: endpoint.port, rack: broker.rack }]
  })
}

const internalTopics = new Set(['__consumer_offsets', '__transaction_state', '__share_group_state'])
export const isInternal = (topic: string): boolean => internalTopics.has(topic)
