/**
 * Administration in a world: each request once, on each topic one after the other. What was
 * acknowledged is there in the end, with the id that was told, or is gone (M9).
 *
 * An answer may be to the second of two attempts, since brokers forward again: a topic that exists
 * already, or is unknown by now, was created or deleted by the first. After no answer, or one that
 * says nothing, anything may still happen to that name, and the next operation takes another.
 */
import { errorCodes } from '../../transport/protocol/errors.ts'
import { CreateTopics } from '../../transport/schemas/19-create-topics.ts'
import { DeleteTopics } from '../../transport/schemas/20-delete-topics.ts'
import { DeleteRecords } from '../../transport/schemas/21-delete-records.ts'
import { CreatePartitions } from '../../transport/schemas/37-create-partitions.ts'
import { ElectLeaders } from '../../transport/schemas/43-elect-leaders.ts'
import { IncrementalAlterConfigs } from '../../transport/schemas/44-incremental-alter-configs.ts'
import { AlterPartitionReassignments } from '../../transport/schemas/45-alter-partition-reassignments.ts'
import { type Client, NO_TOPIC_ID, NoAnswerError } from './client.ts'
import type { SimCluster } from './cluster.ts'
import { createLocator } from './locator.ts'
import type { AdminOperation } from './script.ts'
import { must } from './violation.ts'

type Known = {
  name: string
  state: 'there' | 'gone' | 'unknown'
  id: string | undefined
  partitions: number
}

export type AdminEvents = {
  fail(why: unknown): void
  /** All below a share of what was read is to go. @returns below which offset */
  deleting(topic: string, partition: number, share: number): number
  created(topic: CreatedTopic): void
  /** It was told that no topic has this id any more. */
  deleted(topic: CreatedTopic): void
}

export type CreatedTopic = { name: string; id: string; partitions: number }

export type Admin = {
  /** What has this name, or one that stands for it, now; undefined: nobody knows of any. */
  find(topic: string): CreatedTopic | undefined
  perform(operation: AdminOperation): void
  inFlight(): number
  /** Once all is healed. */
  check(cluster: SimCluster): void
}

const timeoutMs = 5_000
const answerMs = 8_000
const TOPIC = 2
const SET = 0

export function createAdmin(client: Client, events: AdminEvents): Admin {
  const names: Known[] = []
  const current = new Map<string, Known>()
  const queues = new Map<string, Promise<void>>()
  const locator = createLocator(client)
  let inFlight = 0

  function known(topic: string): Known {
    const found = current.get(topic)
    if (found !== undefined && found.state !== 'unknown') return found
    const name = `${topic}-${names.length}`
    const made: Known = { name, state: 'gone', id: undefined, partitions: 0 }
    names.push(made)
    current.set(topic, made)
    return made
  }

  const ask: Client['request'] = (address, api, version, message) =>
    client.request(address, api, version, message, answerMs)

  async function create(topic: Known, partitions: number): Promise<void> {
    const { topics } = await ask(client.anyAddress(), CreateTopics, 7, {
      topics: [
        {
          name: topic.name,
          numPartitions: partitions,
          replicationFactor: -1,
          assignments: [],
          configs: [],
        },
      ],
      timeoutMs,
      validateOnly: false,
    })
    const { errorCode, topicId } = topics[0]!
    if (errorCode === errorCodes.NONE) {
      Object.assign(topic, { state: 'there', id: topicId, partitions })
      events.created({ name: topic.name, id: topicId, partitions })
    } else if (errorCode === errorCodes.TOPIC_ALREADY_EXISTS) topic.state = 'there'
    else if (errorCode !== errorCodes.INVALID_REPLICATION_FACTOR) topic.state = 'unknown'
  }

  async function remove(topic: Known): Promise<void> {
    const { responses } = await ask(client.anyAddress(), DeleteTopics, 6, {
      topics: [{ name: topic.name, topicId: NO_TOPIC_ID }],
      topicNames: [],
      timeoutMs,
    })
    const { errorCode } = responses[0]!
    const isGone =
      errorCode === errorCodes.NONE || errorCode === errorCodes.UNKNOWN_TOPIC_OR_PARTITION
    const { name, id, partitions } = topic
    if (isGone && id !== undefined) events.deleted({ name, id, partitions })
    // Its name may be taken by another topic, and the answer to that one be lost.
    Object.assign(topic, { state: isGone ? 'gone' : 'unknown', id: undefined, partitions: 0 })
  }

  async function grow(topic: Known, count: number): Promise<void> {
    const { results } = await ask(client.anyAddress(), CreatePartitions, 3, {
      topics: [{ name: topic.name, count, assignments: null }],
      timeoutMs,
      validateOnly: false,
    })
    if (results[0]!.errorCode === errorCodes.NONE) {
      topic.partitions = Math.max(topic.partitions, count)
    }
  }

  async function perform(operation: AdminOperation): Promise<void> {
    const address = client.anyAddress()
    switch (operation.do) {
      case 'createTopic':
      case 'deleteTopic': {
        const topic = known(operation.topic)
        try {
          if (operation.do === 'deleteTopic') await remove(topic)
          else if (topic.state === 'gone') await create(topic, operation.partitions)
        } catch (why) {
          topic.state = 'unknown'
          throw why
        }
        return
      }
      case 'createPartitions': {
        const topic = known(operation.topic)
        if (topic.state === 'there') await grow(topic, operation.partitions)
        return
      }
      case 'alterConfig': {
        const { topic: resourceName, key: name, value } = operation
        const configs = [{ name, configOperation: SET, value }]
        await ask(address, IncrementalAlterConfigs, 1, {
          resources: [{ resourceType: TOPIC, resourceName, configs }],
          validateOnly: false,
        })
        return
      }
      case 'electLeader': {
        const topicPartitions = [{ topic: operation.topic, partitions: [operation.partition] }]
        await ask(address, ElectLeaders, 2, { electionType: 0, topicPartitions, timeoutMs })
        return
      }
      case 'deleteRecords': {
        const { topic: name, partition: partitionIndex, share } = operation
        if (locator.leader(name, partitionIndex) === undefined) await locator.refresh(name)
        const leader = locator.leader(name, partitionIndex)
        if (leader === undefined) return
        const offset = events.deleting(name, partitionIndex, share)
        const topics = [{ name, partitions: [{ partitionIndex, offset }] }]
        const answer = await ask(client.addressOf(leader.nodeId), DeleteRecords, 2, {
          topics,
          timeoutMs,
        })
        const { errorCode } = answer.topics[0]!.partitions[0]!
        if (errorCode !== errorCodes.NONE) await locator.refresh(name)
        return
      }
      case 'reassign': {
        const { topic: name, partition: partitionIndex, replicas } = operation
        await ask(address, AlterPartitionReassignments, 1, {
          timeoutMs,
          allowReplicationFactorChange: true,
          topics: [{ name, partitions: [{ partitionIndex, replicas }] }],
        })
      }
    }
  }

  return {
    find(topic) {
      const found = current.get(topic)
      if (found?.state !== 'there' || found.id === undefined) return undefined
      return { name: found.name, id: found.id, partitions: found.partitions }
    },
    perform(operation) {
      inFlight++
      const before = queues.get(operation.topic) ?? Promise.resolve()
      const done = before
        .then(() => perform(operation))
        .catch((why: unknown) => {
          if (!(why instanceof NoAnswerError)) events.fail(why)
        })
        .finally(() => inFlight--)
      queues.set(operation.topic, done)
    },
    inFlight: () => inFlight,
    check(cluster) {
      const image = cluster.newestImage()
      for (const { name, state, id, partitions } of names) {
        if (state === 'unknown') continue
        const found = image?.topicByName(name)
        must(
          (found !== undefined) === (state === 'there'),
          'M9',
          'a change that is told lasts',
          () => ({
            name,
            state,
            id,
          }),
        )
        if (found === undefined) continue
        must(id === undefined || found.id === id, 'M9', 'a topic keeps its id', () => ({
          name,
          id,
        }))
        must(found.partitionCount() >= partitions, 'M9', 'a partition that was told lasts', () => ({
          name,
          partitions,
        }))
      }
    },
  }
}
