/** Clients and tools that nobody here wrote: kcat, Kafka's Java tools, librdkafka from Python. */
import { homedir } from 'node:os'
import { join } from 'node:path'
import { type Program, root, run, start } from './processes.ts'

export const kafkaLibs =
  process.env.KAFKA_LIBS ??
  join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'kafka-4.3.0')

/** Tools live for a second or two: most of it would go into compiling them. */
const quickToStart = ['-XX:TieredStopAtLevel=1', '-XX:+UseSerialGC']

export const javaArgs = (type: string, args: string[]) => [
  ...['-Xmx384m', ...quickToStart, '-cp', `${kafkaLibs}/*`, type],
  ...args,
]

export const java = (type: string, args: string[], options: Parameters<typeof run>[2] = {}) =>
  run('java', javaArgs(type, args), options)

export const topics = (bootstrap: string, ...args: string[]) =>
  java('org.apache.kafka.tools.TopicCommand', ['--bootstrap-server', bootstrap, ...args])

/**
 * kcat as a patient user would set it: idempotent, acks=all. Each line draws its partition:
 * librdkafka else sends all that comes within 10 ms to the same one.
 */
export const kcatProducer = (bootstrap: string, topic: string) => [
  ...['-P', '-b', bootstrap, '-t', topic, ...patient, '-X', 'enable.idempotence=true'],
  ...['-X', 'sticky.partitioning.linger.ms=0'],
]

/** Writes lines with kcat. */
export const kcatWrite = (bootstrap: string, topic: string, lines: string[], args: string[] = []) =>
  run('kcat', [...kcatProducer(bootstrap, topic), ...args], {
    input: lines.map((line) => `${line}\n`).join(''),
  })

export const patient = [
  '-X',
  'retry.backoff.ms=50',
  '-X',
  'reconnect.backoff.ms=20',
  '-X',
  'reconnect.backoff.max.ms=200',
  '-X',
  'message.timeout.ms=120000',
]

/** Reads a topic to its end with kcat: `format` is kcat's. */
export const kcatRead = (bootstrap: string, topic: string, format = '%s\\n', args: string[] = []) =>
  run('kcat', [
    '-C',
    '-b',
    bootstrap,
    '-t',
    topic,
    '-o',
    'beginning',
    '-e',
    '-q',
    '-f',
    format,
    ...args,
  ])

export const python = (script: string, args: string[]): Program =>
  start('/usr/bin/python3', [join(root, 'tests/real/clients', script), ...args])
