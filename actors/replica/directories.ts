/**
 * Tells the controller where replicas lie when that is not where it believes them (KIP-858): made in
 * another directory because theirs was away, or lost, because what was found cannot be trusted (S2).
 * Asked again until it is so: the controller lets nobody into an ISR, or lead, from a directory that it
 * does not know of.
 */
import { errorName } from '../../transport/protocol/errors.ts'
import { AssignReplicasToDirs } from '../../transport/schemas/73-assign-replicas-to-dirs.ts'
import type { Timer } from '../../transport/timers.ts'
import type { ControllerChannel } from '../broker/types.ts'
import type { Logger } from '../log.ts'
import type { Clock } from '../ports/clock.ts'
import type { Partition } from './partition.ts'

type Ports = {
  nodeId: number
  clock: Clock
  log: Logger
  brokerEpoch(): number
  controller: ControllerChannel
  halt(why: unknown): void
}

/** Kafka's bound on one request. */
const REPLICAS_MAX = 2_250
const TIMEOUT_MS = 5_000
const RETRY_MS = 100

export type DirectoryNews = ReturnType<typeof createDirectoryNews>

export function createDirectoryNews(ports: Ports) {
  const { nodeId, clock, log, brokerEpoch, controller, halt } = ports
  const wanted = new Map<Partition, string>()
  let waiting: (() => void)[] = []
  let isAsking = false
  let isStopped = false
  let retry: Timer | undefined

  /** @returns whether the controller took note, or never will */
  async function ask(news: [Partition, string][]): Promise<boolean> {
    try {
      const answer = await controller.call(
        AssignReplicasToDirs,
        0,
        { brokerId: nodeId, brokerEpoch: brokerEpoch(), directories: byDirectory(news) },
        TIMEOUT_MS,
      )
      const error = errorName(answer.errorCode)
      if (error === 'NONE') return true
      log.info({ nodeId, error }, 'directories of replicas not assigned; trying again')
    } catch (err) {
      log.info({ nodeId, err }, 'directories of replicas not assigned; trying again')
    }
    return false
  }

  async function askAll(): Promise<void> {
    isAsking = true
    // All that this turn wants goes in one request.
    await null
    while (wanted.size > 0 && !isStopped) {
      const news = [...wanted].slice(0, REPLICAS_MAX)
      if (await ask(news)) {
        for (const [partition, id] of news) {
          if (wanted.get(partition) === id) wanted.delete(partition)
        }
      } else await pause()
    }
    isAsking = false
    if (isStopped) return
    const told = waiting
    waiting = []
    for (const then of told) then()
  }

  const pause = () =>
    new Promise<void>((resolve) => {
      retry = clock.setTimeout(resolve, RETRY_MS)
    })

  return {
    tell(partition: Partition, directoryId: string): void {
      if (isStopped) return
      wanted.set(partition, directoryId)
      if (!isAsking) askAll().catch(halt)
    },
    forget(partition: Partition): void {
      wanted.delete(partition)
    },
    /** Once all that was told by now is committed: at once when nothing is to be told. */
    whenTold(then: () => void): void {
      if (isAsking) waiting.push(then)
      else then()
    },
    stop(): void {
      isStopped = true
      wanted.clear()
      waiting = []
      if (retry !== undefined) clock.clearTimeout(retry)
    },
  }
}

function byDirectory(news: [Partition, string][]) {
  const directories = new Map<string, Map<string, number[]>>()
  for (const [{ topicId, partition }, id] of news) {
    const topics = directories.get(id) ?? new Map<string, number[]>()
    directories.set(id, topics)
    topics.set(topicId, [...(topics.get(topicId) ?? []), partition])
  }
  return Array.from(directories, ([id, topics]) => ({
    id,
    topics: Array.from(topics, ([topicId, partitions]) => ({
      topicId,
      partitions: partitions.map((partitionIndex) => ({ partitionIndex })),
    })),
  }))
}
