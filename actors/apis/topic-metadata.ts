/**
 * What Metadata and DescribeTopicPartitions both tell of topics: who is reachable over a listener,
 * which replicas are offline, what may be done, which names can exist.
 */
import type { ErrorName } from '../../transport/protocol/errors.ts'
import { isOnlineDirectory } from '../metadata/directory-ids.ts'
import type { BrokerState, MetadataImage, PartitionState } from '../metadata/image.ts'
import { endpointOf, isAlive } from './located.ts'

/** Without an authorizer everything that can be done to a topic is allowed: bits by Kafka's codes. */
export const topicOperations = [3, 4, 5, 6, 7, 8, 10, 11].reduce((bits, of) => bits | (1 << of), 0)
export const clusterOperations = [5, 7, 8, 9, 10, 11, 12].reduce((bits, of) => bits | (1 << of), 0)
/** Int.MIN_VALUE: they were not asked for. */
export const notAsked = -2_147_483_648

const NAME_LENGTH_MAX = 249

export const isValidTopicName = (name: string): boolean =>
  name.length <= NAME_LENGTH_MAX && /^[a-zA-Z0-9._-]+$/.test(name) && name !== '.' && name !== '..'

/** A live broker that clients of this listener can reach. */
export const isReachable = (broker: BrokerState | undefined, listenerName: string): boolean =>
  isAlive(broker) && endpointOf(broker, listenerName) !== undefined

/** Replicas whose broker is away, does not have the listener, or lost the directory. */
export function offlineReplicas(
  { replicas, directories }: PartitionState,
  image: MetadataImage,
  listenerName: string,
): number[] {
  return replicas.filter((id, place) => {
    const broker = image.brokers().get(id)
    if (broker === undefined || !isReachable(broker, listenerName)) return true
    const directory = directories[place]
    if (directory === undefined || broker.logDirs.length === 0) return false
    return !isOnlineDirectory(directory, broker.logDirs)
  })
}

/** The leader as clients of this listener can use it; -1 and an error when they cannot. */
export function usableLeader(
  { leader }: PartitionState,
  image: MetadataImage,
  listenerName: string,
): { leaderId: number; error: ErrorName } {
  const broker = image.brokers().get(leader)
  if (isReachable(broker, listenerName)) return { leaderId: leader, error: 'NONE' }
  return { leaderId: -1, error: isAlive(broker) ? 'LISTENER_NOT_FOUND' : 'LEADER_NOT_AVAILABLE' }
}
