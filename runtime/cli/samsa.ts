#!/usr/bin/env node
/** The `samsa` command. What a subcommand needs is imported when it runs: `--help` stays quick. */
import { createRequire } from 'node:module'
import { Command, InvalidArgumentError, Option } from 'commander'
import { reportFailure } from './failure.ts'

function count(min: number, max: number) {
  return (text: string): number => {
    const value = Number(text)
    if (!Number.isInteger(value) || value < min || value > max) {
      throw new InvalidArgumentError(`Give a whole number from ${min} to ${max}.`)
    }
    return value
  }
}

const collect = (text: string, before: string[] = []): string[] => [...before, text]

/** Runs a command; a failure becomes one line and exit code 1. */
async function running(json: boolean, work: () => Promise<void>): Promise<void> {
  try {
    await work()
    process.exit(process.exitCode ?? 0)
  } catch (error) {
    reportFailure(error, json)
    process.exit(1)
  }
}

const logLevel = () =>
  new Option('--log-level <level>', 'what to log on standard error').choices([
    'debug',
    'info',
    'warn',
    'error',
    'silent',
  ])

/** The package names itself, from the sources and from what is built alike. */
const { version } = createRequire(import.meta.url)('samsa/package.json') as { version: string }

const program = new Command('samsa')
  .version(version)
  .description('Apache Kafka without ZooKeeper, JVM or Docker.')
  .helpCommand(false)
  .showHelpAfterError('(samsa --help tells what there is)')
  .addHelpText(
    'after',
    `
A three-node cluster on ports 9092, 9093 and 9094, kept in ./data:
  $ samsa start

The same for a test, gone afterwards, on free ports, for a script to read:
  $ samsa start --port 0 --ephemeral --json

One process per node over NATS:
  $ nats-server &
  $ samsa format -t "$(samsa random-uuid)" -c 1.properties -c 2.properties -c 3.properties
  $ samsa node 1.properties & samsa node 2.properties & samsa node 3.properties`,
  )

program
  .command('start')
  .description('start a whole cluster in this process')
  .option('-b, --brokers <n>', 'how many brokers', count(1, 100), 3)
  .option(
    '-c, --controllers <n>',
    'dedicated controllers; 0: each node is broker and controller',
    count(0, 9),
    0,
  )
  .option(
    '-p, --port <port>',
    'port of the first broker, the others follow; 0: any free ones',
    count(0, 65_535),
    9092,
  )
  .addOption(
    new Option('-d, --data <dir>', 'keep everything here').default(
      'data/embedded',
      './data/embedded',
    ),
  )
  .addOption(
    new Option(
      '--ephemeral',
      'keep everything in a temporary folder, and remove it at the end',
    ).conflicts('data'),
  )
  .option(
    '--config <key=value>',
    "a configuration by Kafka's name, for all nodes; repeatable",
    collect,
  )
  .option('--json', 'print one JSON object a line, for scripts')
  .option('--inspect', 'show the running statecharts in the Stately inspector')
  .addOption(logLevel().default('warn'))
  .addHelpText(
    'after',
    `
Examples:
  $ samsa start --brokers 1                       one node
  $ samsa start --controllers 3 --brokers 5       controllers of their own
  $ samsa start --config num.partitions=6 --config auto.create.topics.enable=false`,
  )
  .action((options) =>
    running(options.json ?? false, async () => (await import('./start.ts')).start(options)),
  )

program
  .command('node')
  .description('start one node, which finds the others over NATS')
  .argument('<file>', "a property file with Kafka's server.properties keys, and nats.servers")
  .option(
    '--override <key=value>',
    'a property that replaces the one in the file; repeatable',
    collect,
  )
  .option('--json', 'log JSON at a terminal, too')
  .option('--inspect', 'show the running statecharts in the Stately inspector')
  .option(
    '--format-with <files...>',
    'on its first start, format it together with the nodes of these files',
  )
  .addOption(logLevel().default('info'))
  .action((file, options) =>
    running(false, async () => (await import('./node.ts')).node(file, options)),
  )

program
  .command('format')
  .description("prepare the folders of log.dirs, as Kafka's storage tool does")
  .requiredOption(
    '-c, --config <file>',
    'a property file; repeat it for all nodes of a cluster at once',
    collect,
  )
  .option('-t, --cluster-id <uuid>', 'the id of the cluster, the same for all its nodes')
  .option('-s, --standalone', 'this controller is the only voter, so far')
  .option('-I, --initial-controllers <voters>', 'id@host:port:directoryId,...')
  .option('-N, --no-initial-controllers', 'this node joins a cluster that has its voters')
  .option('-g, --ignore-formatted', 'leave folders alone that are formatted already')
  .option('-r, --release-version <version>', 'the features of a release, such as 4.3 or 4.3-IV0')
  .option('-f, --feature <name=level>', 'the level of one feature; repeatable', collect)
  .addHelpText(
    'after',
    `
All nodes of a cluster at once, so that the voters need not be typed:
  $ samsa format -t "$(samsa random-uuid)" -c 1.properties -c 2.properties -c 3.properties

One node after the other, as with Kafka's tool:
  $ samsa format -t ID -c 1.properties -I 1@a:9093:DIR1,2@b:9093:DIR2,3@c:9093:DIR3`,
  )
  .action((options) => running(false, async () => (await import('./format.ts')).format(options)))

program
  .command('raft-perf')
  .description('measure the metadata quorum alone: committed records a second, commit latency')
  .option('--record-size <bytes>', 'the size of each record', count(32, 1_000_000), 256)
  .option(
    '--throughput <records>',
    'records a second that the leader appends; 0: as many as possible',
    count(0, 10_000_000),
    5000,
  )
  .option(
    '--linger <ms>',
    "how long records wait to be appended together, as Kafka's controller.quorum.append.linger.ms",
    count(0, 10_000),
    25,
  )
  .option('--seconds <n>', 'how long to measure', count(1, 86_400), 20)
  .option('--warm-up <n>', 'seconds of the same load before that', count(0, 3_600), 5)
  .option(
    '--nats <servers>',
    'a process for each voter, which meet there; absent: all in this process',
  )
  .addOption(
    new Option('--data <dir>', 'the disk to measure: logs are kept below, and removed').default(
      undefined,
      'the temporary folder',
    ),
  )
  .option('--json', 'print one JSON object a line, for scripts')
  .addHelpText(
    'after',
    `
Three voters elect a leader. It appends records, its followers fetch them, and each voter fsyncs
before it counts: a record is committed once two of three have it on disk. Latency is counted from
when the record was due until the leader knows that it is committed, linger included.

Kafka measures the same with kafka.tools.TestRaftServer, with --record-size and --throughput.
Its controllers linger 25 ms, which is the default here, too; Samsa's own controllers do not, and
sync together what arrives meanwhile. Compare at equal settings:

  $ samsa raft-perf                                      what a linger of 25 ms costs
  $ samsa raft-perf --linger 0                           what the quorum needs
  $ samsa raft-perf --linger 0 --throughput 0            what it can do
  $ nats-server & samsa raft-perf --nats 127.0.0.1:4222  three processes`,
  )
  .action((options) =>
    running(options.json ?? false, async () => (await import('./raft-perf.ts')).raftPerf(options)),
  )

program
  .command('raft-perf-voter', { hidden: true })
  .argument('<file>')
  .argument('<plan>')
  .action((file, plan) =>
    running(false, async () =>
      (await import('../raft-perf/child.ts')).runVoter(file, JSON.parse(plan)),
    ),
  )

program
  .command('random-uuid')
  .description('print an id, for a cluster or a directory')
  .action(() =>
    running(false, async () => console.log((await import('../random.ts')).systemRandom.uuid())),
  )

await program.parseAsync()
