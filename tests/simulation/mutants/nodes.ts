/** What could be wrong with storage, with what is known of brokers, and with who is taken for dead. */
import { calm, type Mutant, type MutantRun, patch, restless, settled } from './mutant.ts'

const quiet: MutantRun = { ...settled, faultyMs: 6_000, mix: calm }
const kills: MutantRun = {
  ...settled,
  faultyMs: 12_000,
  mix: restless({ kill: 1_500 }),
}

/** Snapshots of the metadata, one after the other. */
const snapshots: MutantRun = {
  ...quiet,
  config: { 'metadata.log.max.record.bytes.between.snapshots': '500' },
}

export const nodeMutants: Mutant[] = [
  {
    name: 'a small file is not synced',
    rules: ['S5', 'R3', 'R2'],
    patches: [patch('runtime/storage/small-files.ts', '    disk.sync(fd)\n', '')],
    run: quiet,
  },
  {
    name: 'what is fetched is appended without a look at its CRC',
    rules: ['S1', 'P4'],
    patches: [
      patch(
        'runtime/storage/validation.ts',
        'const size = checkBatch(records, at)\n    const first',
        'const size = batchSize(records, at)\n    const first',
      ),
      patch(
        'actors/replica/read.ts',
        'return { records: log.read(from, maxBytes, upTo, minOneBatch), error: ',
        `const records = Buffer.from(log.read(from, maxBytes, upTo, minOneBatch))
    if (records.length > 0 && from % 3 === 0) records[records.length - 1]! ^= 1
    return { records, error: `,
      ),
    ],
    run: quiet,
  },
  {
    name: 'the clean marker stays while the next run writes',
    rules: ['S3'],
    patches: [patch('runtime/storage/clean-marker.ts', '  disk.unlink(path)\n', '')],
    run: { ...kills, faultyMs: 25_000, mix: restless({ stop: 3_000 }) },
  },
  {
    name: 'a sync counts for what is appended meanwhile',
    rules: ['S4'],
    patches: [
      patch(
        'runtime/storage/flush.ts',
        'const durable = Math.min(endOffset, log.lowestEnd)',
        'const durable = log.endOffset',
      ),
    ],
    run: { ...kills, mix: restless({ slowSync: 1_500, isolate: 3_000 }) },
  },
  {
    name: 'a snapshot says that it ends above what is committed',
    rules: ['R16'],
    patches: [
      patch(
        'actors/quorum/host.ts',
        'const id = { offset: lastOffset + 1, epoch: lastEpoch }',
        'const id = { offset: lastOffset + 9, epoch: lastEpoch }',
      ),
    ],
    run: snapshots,
  },
  {
    name: 'a snapshot lacks what it stands for',
    rules: ['M2', 'M1'],
    patches: [
      patch(
        'actors/metadata/snapshot.ts',
        'partitionEpoch: partition.partitionEpoch,',
        'partitionEpoch: 0,',
      ),
    ],
    run: snapshots,
  },
  {
    name: 'a controller keeps what was never committed',
    rules: ['M4', 'M1', 'R15', 'R8'],
    patches: [patch('actors/controller/writer.ts', '      image.revertJournal()\n', '')],
    run: { ...kills, mix: restless({ isolate: 1_500, kill: 4_000 }) },
  },
  {
    name: "a record that cannot be applied is nobody's business",
    rules: ['M3', 'scenario'],
    patches: [
      patch(
        'actors/metadata/loader.ts',
        "'metadata cannot be applied')\n      fault(why)",
        "'metadata cannot be applied')",
      ),
    ],
    run: { scenario: 'snapshot-after-apply-error' },
  },
  {
    name: 'a record that cannot be applied is skipped',
    rules: ['M3', 'M1', 'M2', 'scenario'],
    patches: [
      patch('actors/metadata/loader.ts', "      state = 'faulty'\n", ''),
      patch(
        'actors/metadata/loader.ts',
        "'metadata cannot be applied')\n      fault(why)",
        "'metadata cannot be applied')",
      ),
    ],
    run: { scenario: 'snapshot-after-apply-error' },
  },
  {
    name: 'a sync counts for what was cut and written anew meanwhile',
    rules: ['S14', 'S4', 'scenario'],
    patches: [
      patch(
        'runtime/storage/flush.ts',
        'const durable = Math.min(endOffset, log.lowestEnd)',
        'const durable = Math.min(endOffset, log.endOffset)',
      ),
      patch('actors/quorum/metadata-log.ts', 'if (before === truncations) durable', 'durable'),
      // Else no fetch, and so no cut, falls into a sync.
      patch(
        'actors/quorum/fetcher.ts',
        'while (log.durableEndOffset() < log.endOffset()) {',
        'while (log.durableEndOffset() < log.endOffset() && log.lastEpoch() === epoch) {',
      ),
    ],
    run: { scenario: 'sync-completion-after-overwrite' },
  },
  {
    name: 'a chart does not foresee an event',
    rules: ['X1'],
    patches: [
      patch(
        'machines/broker-registration.ts',
        "    brokerGone: { description: 'It leads nothing that could move.' },\n",
        '',
      ),
    ],
    run: kills,
  },
  {
    name: 'a topic that exists is created anew',
    // A broker whose log is made anew under it may notice first.
    rules: ['M9', 'error'],
    patches: [
      // Copies of one request would be decided once.
      patch(
        'actors/controller/forwarded-once.ts',
        'if (before !== undefined) return before',
        "if (before !== undefined && key === '') return before",
      ),
      patch(
        'actors/controller/topics.ts',
        'if (image.topicByName(name) !== undefined) {',
        "if (name === '') {",
      ),
      patch(
        'actors/metadata/apply.ts',
        "if (state.topicsByName.has(record.name)) throw new ApplyError('its name is taken', record)",
        '',
      ),
    ],
    run: { ...quiet, mix: { ...calm, repeatRate: 0.6 }, workload: ['admin'] },
  },
  {
    name: 'a new controller watches no broker',
    rules: ['M6'],
    patches: [patch('actors/controller/controller.ts', '        registrations.begin()\n', '')],
    run: { ...kills, mix: restless({ kill: 4_000 }), faultyMs: 20_000 },
  },
  {
    name: 'a silent broker is never fenced',
    rules: ['M6'],
    patches: [
      patch(
        'machines/broker-registration.ts',
        `          { guard: 'keptUp', target: '#brokerRegistration.fenced', actions: fence },
          { target: 'overdue' },`,
        "          { target: 'overdue' },",
      ),
      patch(
        'machines/broker-registration.ts',
        `          { guard: 'keptUp', target: '#brokerRegistration.fenced', actions: fence },
          { target: 'overdue', reenter: true },`,
        "          { target: 'overdue', reenter: true },",
      ),
    ],
    run: { scenario: 'silent-broker' },
  },
  {
    name: 'a probe without incarnation',
    rules: ['N7', 'scenario'],
    patches: [
      patch(
        'actors/controller/registrations.ts',
        'if (cluster.image.brokers().get(brokerId)?.incarnationId !== incarnationId) return',
        '',
      ),
    ],
    run: { scenario: 'verdict-outlives-its-incarnation' },
  },
  {
    name: 'a probe is trusted right after its own link came back',
    rules: ['N7', 'scenario'],
    patches: [patch('actors/probe/probe.ts', 'if (isOpen) blinded()', 'if (isOpen) schedule')],
    run: { scenario: 'peer-reconnects-late' },
  },
]
