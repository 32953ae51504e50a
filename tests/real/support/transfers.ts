/**
 * Clients that write lines as they come, and groups that read them meanwhile, each set as its
 * patient user would: acknowledged by all, idempotent, retrying for longer than a node is away.
 */
import { join } from 'node:path'
import { type Kafka, Partitioners } from 'kafkajs'
import { node24, peersFolder } from '../../support/peers.ts'
import { javaArgs, kcatProducer } from './kafka-tools.ts'
import { eventually, type Program, root, start } from './processes.ts'

export type Topic = { bootstrap: string; kafka: Kafka; name: string; partitions: number }

export type Writer = {
  write(lines: string[]): Promise<void>
  /** Resolves when all is acknowledged. */
  finish(): Promise<void>
}

export type Group = {
  /** All that its members were handed; some of it twice where one took over from another. */
  read(): string[]
  leave(): Promise<void>
}

/** A program that sends the lines of its standard input. */
function fed(program: Program): Writer {
  return {
    async write(lines) {
      const input = program.child.stdin!
      if (input.write(lines.map((line) => `${line}\n`).join(''))) return
      await eventually(
        'the producer takes more',
        async () => input.writableNeedDrain,
        (full) => !full,
        120_000,
      )
    },
    async finish() {
      program.child.stdin!.end()
      const code = await program.exited
      if (code !== 0)
        throw new Error(`the producer ended with ${code}\n${program.errors.slice(-20).join('\n')}`)
    },
  }
}

/** Programs that print what they read. */
function printing(members: Program[], leave: (member: Program) => void): Group {
  return {
    read: () => members.flatMap(({ lines }) => lines),
    async leave() {
      for (const member of members) leave(member)
      await Promise.all(members.map(({ exited }) => exited))
    },
  }
}

export const writers: Record<string, (topic: Topic) => Promise<Writer>> = {
  // -E: it else ends when the connections it has are all down at once, and asks for no others.
  kcat: async ({ bootstrap, name }) => fed(start('kcat', ['-E', ...kcatProducer(bootstrap, name)])),
  console: async ({ bootstrap, name }) =>
    fed(
      start(
        'java',
        javaArgs('org.apache.kafka.tools.ConsoleProducer', [
          ...['--bootstrap-server', bootstrap, '--topic', name],
          // Its own defaults give up after three tries.
          ...['--message-send-max-retries', '2147483647', '--request-timeout-ms', '30000'],
          ...['--request-required-acks', 'all'],
        ]),
      ),
    ),
  /** A partition a send: it forgets what one broker of a send refused when another took its part. */
  kafkajs: async ({ kafka, name, partitions }) => {
    const producer = kafka.producer({
      idempotent: true,
      retry: { retries: 100, initialRetryTime: 50, maxRetryTime: 500 },
      createPartitioner: Partitioners.DefaultPartitioner,
    })
    await producer.connect()
    let sends = 0
    return {
      async write(lines) {
        const partition = sends++ % partitions
        const messages = lines.map((value) => ({ value, partition }))
        await producer.send({ topic: name, messages, acks: -1 })
      },
      finish: () => producer.disconnect(),
    }
  },
}

const twice = [1, 2]

export const groups: Record<string, (topic: Topic, group: string) => Promise<Group>> = {
  kcat: async ({ bootstrap, name }, group) =>
    printing(
      twice.map(() =>
        start('kcat', [
          ...['-b', bootstrap, '-G', group, '-q', '-u'],
          ...['-X', 'auto.offset.reset=earliest', '-X', 'auto.commit.interval.ms=500', name],
        ]),
      ),
      ({ child }) => child.kill('SIGTERM'),
    ),
  console: async ({ bootstrap, name }, group) =>
    printing(
      twice.map(() =>
        start(
          'java',
          javaArgs('org.apache.kafka.tools.consumer.ConsoleConsumer', [
            ...['--bootstrap-server', bootstrap, '--topic', name],
            ...['--group', group, '--from-beginning'],
          ]),
        ),
      ),
      ({ child }) => child.kill('SIGTERM'),
    ),
  platformatic: async ({ bootstrap, name }, group) => {
    const script = join(root, 'tests/real/clients/platformatic_group.mjs')
    const file = join(peersFolder, 'node_modules/@platformatic/kafka/dist/index.js')
    return printing(
      twice.map(() => start(node24, [script, file, bootstrap, name, group])),
      ({ child }) => child.stdin!.end(),
    )
  },
  kafkajs: async ({ kafka, name }, groupId) => {
    const lines: string[] = []
    const members = twice.map(() =>
      kafka.consumer({ groupId, retry: { retries: 100, maxRetryTime: 500 } }),
    )
    for (const member of members) {
      await member.connect()
      await member.subscribe({ topic: name, fromBeginning: true })
      await member.run({
        eachMessage: async ({ message }) => {
          lines.push(String(message.value))
        },
      })
    }
    return {
      read: () => lines,
      async leave() {
        for (const member of members) await member.disconnect()
      },
    }
  },
}
