/** What clients see of a cluster: leaders and in-sync replicas, by kcat (quick to start). */
import { eventually, run } from './processes.ts'

export type PartitionSeen = { partition: number; leader: number; isrs: { id: number }[] }

export async function partitionsOf(bootstrap: string, topic: string): Promise<PartitionSeen[]> {
  const lines = await run('kcat', ['-L', '-J', '-b', bootstrap, '-t', topic], { timeoutMs: 20_000 })
  const { topics } = JSON.parse(lines.join('')) as {
    topics: { topic: string; partitions: PartitionSeen[] }[]
  }
  return topics.find(({ topic: name }) => name === topic)?.partitions ?? []
}

export const leaderOf = async (bootstrap: string, topic: string, partition = 0) =>
  (await partitionsOf(bootstrap, topic)).find((seen) => seen.partition === partition)?.leader ?? -1

/** Every ISR of the topic has so many members. */
export const inSync = (bootstrap: string, topic: string, replicas: number) =>
  eventually(
    `every ISR of ${topic} has ${replicas} members`,
    () => partitionsOf(bootstrap, topic),
    (seen) => seen.length > 0 && seen.every(({ isrs }) => isrs.length === replicas),
    60_000,
  )
