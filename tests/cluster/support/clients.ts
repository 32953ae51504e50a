/** KafkaJS as scenarios use it: patient, quiet, and counting only what was acknowledged. */
import { type Admin, type ITopicConfig, Kafka, logLevel } from 'kafkajs'
import { eventually } from '../../real/support/processes.ts'

export const kafkaOf = (bootstrapServers: string): Kafka =>
  new Kafka({
    brokers: bootstrapServers.split(','),
    logLevel: logLevel.NOTHING,
    retry: { initialRetryTime: 30, maxRetryTime: 300, retries: 40 },
  })

export async function withAdmin<T>(bootstrap: string, work: (admin: Admin) => Promise<T>) {
  const admin = kafkaOf(bootstrap).admin()
  await admin.connect()
  try {
    return await work(admin)
  } finally {
    await admin.disconnect()
  }
}

export const createTopic = (bootstrap: string, topic: ITopicConfig): Promise<boolean> =>
  withAdmin(bootstrap, (admin) => admin.createTopics({ topics: [topic], waitForLeaders: true }))

export type Row = { partition: number; leader: number; isr: number[] }

/** Leader and ISR of each partition, as the brokers tell. */
export const describe = (bootstrap: string, topic: string): Promise<Row[]> =>
  withAdmin(bootstrap, async (admin) => {
    const { topics } = await admin.fetchTopicMetadata({ topics: [topic] })
    return topics[0]!.partitions
      .map(({ partitionId, leader, isr }) => ({
        partition: partitionId,
        leader,
        isr: isr.sort((a, b) => a - b),
      }))
      .sort((a, b) => a.partition - b.partition)
  })

export const fullIsr = (bootstrap: string, topic: string, replicas = 3): Promise<Row[]> =>
  eventually(
    `every ISR of ${topic} holds ${replicas}`,
    () => describe(bootstrap, topic),
    (rows) => rows.every(({ isr, leader }) => isr.length === replicas && leader > 0),
  )

/**
 * Writes numbered records without pause until told to end; knows which were acknowledged. Those of
 * one send go to one partition, by their key: a send to several brokers of which one fails, and
 * whose partitions then move to another of them, is reported by KafkaJS as done and is not repeated.
 */
export async function startWriting(bootstrap: string, topic: string) {
  const producer = kafkaOf(bootstrap).producer()
  await producer.connect()
  const acknowledged: string[] = []
  let count = 0
  let going = true
  const writing = (async () => {
    while (going) {
      const key = String(count)
      const messages = Array.from({ length: 20 }, () => ({ key, value: `${topic} ${count++}` }))
      await producer.send({ topic, acks: -1, messages })
      for (const { value } of messages) acknowledged.push(value)
    }
  })()
  writing.catch(() => {})
  return {
    acknowledged,
    /** Resolves once `more` records were acknowledged from now on. */
    async goesOn(more = 200) {
      const from = acknowledged.length
      await Promise.race([
        writing,
        eventually(
          `${more} more records`,
          async () => acknowledged.length - from,
          (n) => n >= more,
        ),
      ])
    },
    /** @throws what the producer gave up with */
    async end(): Promise<string[]> {
      going = false
      await writing
      await producer.disconnect()
      return acknowledged
    },
  }
}

/** Reads `topic` from its beginning until all `wanted` were seen; fails with what is missing. */
export async function readAll(bootstrap: string, topic: string, wanted: Iterable<string>) {
  const read: string[] = []
  const missing = new Set(wanted)
  const groupId = `readers-of-${topic}-${Math.random()}`
  const consumer = kafkaOf(bootstrap).consumer({ groupId, maxWaitTimeInMs: 100 })
  await consumer.connect()
  await consumer.subscribe({ topic, fromBeginning: true })
  await consumer.run({
    eachMessage: async ({ message }) => {
      const value = message.value!.toString()
      read.push(value)
      missing.delete(value)
    },
  })
  try {
    await eventually(
      `all acknowledged records of ${topic}`,
      async () => [...missing].slice(0, 5),
      (some) => some.length === 0,
      20_000,
    )
  } finally {
    await consumer.disconnect()
  }
  return read
}
