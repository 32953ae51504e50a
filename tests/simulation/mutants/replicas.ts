/** What could be wrong with the replication of partitions, and with what producers and consumers see. */
import { calm, type Mutant, type MutantRun, patch, restless, settled } from './mutant.ts'

/** Leaders and followers end, are cut off and come back. */
const failovers: MutantRun = {
  ...settled,
  faultyMs: 12_000,
  mix: restless({ kill: 2_500, isolate: 4_000, oneWay: 5_000 }),
}

/** Answers are lost, so that batches are sent again. */
const lostAnswers: MutantRun = {
  ...failovers,
  faultyMs: 10_000,
  mix: restless({ reset: 700, clientCut: 4_000 }),
}

const quiet: MutantRun = { ...settled, faultyMs: 6_000, mix: calm }

export const replicaMutants: Mutant[] = [
  {
    name: 'the ISR is expanded early',
    rules: ['P10', 'P1', 'P2', 'P8'],
    patches: [
      patch(
        'actors/replica/isr.ts',
        `follower.logEndOffset >= view.highWatermark &&
      follower.logEndOffset >= view.epochStart &&`,
        'follower.logEndOffset >= 0 &&',
      ),
    ],
    run: failovers,
  },
  {
    name: 'a pending joiner does not count',
    rules: ['P8', 'P1', 'P10', 'scenario'],
    patches: [
      patch('machines/replica.ts', 'proposedIsr.length > isr.length ? proposedIsr : isr', 'isr'),
      patch(
        'actors/replica/leader.ts',
        `maximalIsr.includes(follower.id) ||
        (isEligible(follower, brokers.get(follower.id)) &&
          isStored(partition, follower) &&
          isCaughtUp(follower, end, now, lagMsMax())),`,
        'maximalIsr.includes(follower.id) && end >= 0 && now >= 0 && brokers !== undefined,',
      ),
    ],
    run: { scenario: 'two-join-at-once' },
  },
  {
    name: 'the high watermark waits for nobody',
    rules: ['P8', 'P1', 'P2'],
    patches: [
      patch(
        'actors/replica/leader.ts',
        'highWatermark(countedEnd(own), counted(partition), partition.highWatermark)',
        'highWatermark(countedEnd(own), counted(partition).slice(1), partition.highWatermark)',
      ),
    ],
    run: { ...quiet, mix: { ...calm, delayMs: 5 } },
  },
  {
    name: 'the high watermark moves below min ISR',
    rules: ['P8', 'P16', 'scenario'],
    patches: [
      patch(
        'actors/replica/leader.ts',
        'if (own === undefined || context.isr.length < minIsr) return',
        'if (own === undefined || minIsr < 0) return',
      ),
    ],
    run: { scenario: 'alone-in-the-isr' },
  },
  {
    name: 'the high watermark ignores who is about to join',
    rules: ['P8', 'scenario'],
    patches: [
      patch(
        'actors/replica/leader.ts',
        '(isEligible(follower, brokers.get(follower.id)) &&',
        '(brokers.size < 0 && isEligible(follower, brokers.get(follower.id)) &&',
      ),
    ],
    run: { scenario: 'two-join-at-once' },
  },
  {
    name: 'the leader epoch of a fetch is not checked',
    rules: ['P13', 'P4', 'P5'],
    patches: [
      patch(
        'actors/replica/read.ts',
        "if (currentLeaderEpoch !== -1 && currentLeaderEpoch < leaderEpoch) return 'FENCED_LEADER_EPOCH'",
        '',
      ),
      patch(
        'actors/replica/read.ts',
        "if (currentLeaderEpoch > leaderEpoch) return 'UNKNOWN_LEADER_EPOCH'",
        '',
      ),
    ],
    run: { ...failovers, mix: restless({ kill: 1_500, isolate: 3_000 }, { delayMs: 20 }) },
  },
  {
    name: 'a follower truncates to its high watermark',
    rules: ['P1', 'P2', 'P3'],
    patches: [
      patch(
        'actors/replica/follower.ts',
        'if (own.latestEpoch() === undefined) truncateTo(partition, own, partition.highWatermark)',
        'truncateTo(partition, own, partition.highWatermark)',
      ),
    ],
    run: failovers,
  },
  {
    name: 'a fetch that parts from the log is answered with records',
    rules: ['P4', 'R11', 'P15', 'P14'],
    patches: [
      patch(
        'actors/replica/read.ts',
        'if (known.epoch < lastFetchedEpoch || known.endOffset < fetchOffset) {',
        'if (known.endOffset < -1) {',
      ),
    ],
    run: { ...failovers },
  },
  {
    name: 'a follower takes the word of its leader above its own log end',
    rules: ['P15', 'P7'],
    patches: [
      patch(
        'actors/replica/follower.ts',
        'Math.max(own.startOffset(), Math.min(data.highWatermark, own.endOffset()))',
        'Math.max(own.startOffset(), data.highWatermark)',
      ),
      patch(
        'actors/replica/follower.ts',
        'if (data.logStartOffset > own.startOffset()',
        'partition.highWatermark = data.highWatermark + 1\n    if (data.logStartOffset > own.startOffset()',
      ),
    ],
    run: quiet,
  },
  {
    name: 'a follower takes its log end for the high watermark',
    rules: ['P7'],
    patches: [
      patch(
        'actors/replica/follower.ts',
        'Math.max(own.startOffset(), Math.min(data.highWatermark, own.endOffset()))',
        'own.endOffset()',
      ),
    ],
    run: { ...quiet, mix: { ...calm, delayMs: 5 } },
  },
  {
    name: 'a new leader forgets how far it had committed',
    rules: ['P5', 'P15'],
    patches: [
      patch(
        'actors/replica/leader.ts',
        'partition.highWatermark = next\n',
        'partition.highWatermark = next % 7 === 0 ? next - 1 : next\n',
      ),
      patch('actors/replica/leader.ts', 'if (next === partition.highWatermark) return', ''),
      patch(
        'actors/replica/leader.ts',
        "invariant(next > partition.highWatermark, 'P5: the high watermark never goes back', { next })",
        '',
      ),
    ],
    run: quiet,
  },
  {
    name: 'epochs outlive the batches that are cut',
    rules: ['P14'],
    patches: [
      patch(
        'runtime/storage/leader-epochs.ts',
        'const kept = epochs.entries.filter(({ startOffset }) => startOffset < endOffset)',
        'const kept = epochs.entries.filter(() => endOffset >= 0)',
      ),
    ],
    run: { scenario: 'cut-takes-its-epoch-along' },
  },
  {
    name: 'acks=all is taken with too small an ISR',
    rules: ['P16'],
    patches: [
      patch(
        'actors/replica/append.ts',
        'if (options.requiredAcks === -1 && context.isr.length < minIsr) {',
        'if (options.requiredAcks === -1 && context.isr.length < 0) {',
      ),
    ],
    run: { ...failovers, controllers: 3, faultyMs: 15_000, mix: restless({ kill: 700 }) },
  },
  {
    name: 'consumers read up to the log end',
    rules: ['P7'],
    patches: [
      patch(
        'actors/replica/read.ts',
        'isFollower ? log.endOffset() : partition.highWatermark',
        'isFollower ? log.endOffset() : log.endOffset()',
      ),
    ],
    run: { ...quiet, mix: { ...calm, delayMs: 5 } },
  },
  {
    name: 'an ISR is changed without a look at the partition epoch',
    rules: ['P11', 'P9', 'P10'],
    patches: [
      patch(
        'actors/controller/alter-partition.ts',
        "if (partitionEpoch < before.partitionEpoch) return 'INVALID_UPDATE_VERSION'",
        '',
      ),
      // Copies of one request would be decided once.
      patch(
        'actors/broker/controller-channel.ts',
        'api.key === AlterPartition.key ? nextRequestId()',
        'api.key < 0 ? nextRequestId()',
      ),
    ],
    run: { scenario: 'late-isr-expansion' },
  },
  {
    name: 'a fenced broker stays in its ISRs',
    rules: ['P9'],
    patches: [
      patch(
        'actors/controller/elections.ts',
        `  ...leavesAll(cluster, broker.id),
  registrationChange(broker, { fenced: 1 }),`,
        '  registrationChange(broker, { fenced: 1 }),',
      ),
    ],
    run: failovers,
  },
  {
    name: 'a leader is elected out of no ISR',
    rules: ['P18', 'P1', 'P2'],
    patches: [
      patch(
        'actors/controller/partition-change.ts',
        "const any = election === 'unclean' ? aim.replicas.find(mayLead) : undefined",
        'const any = aim.replicas.find(mayLead)',
      ),
    ],
    run: { ...failovers, mix: restless({ kill: 1_200 }) },
  },
  {
    name: 'a new leader keeps the leader epoch of the last',
    rules: ['P12', 'P5'],
    patches: [
      patch(
        'actors/metadata/apply.ts',
        'leaderEpoch: sameLeader ? before.leaderEpoch : before.leaderEpoch + 1,',
        'leaderEpoch: before.leaderEpoch,',
      ),
    ],
    run: failovers,
  },
  {
    name: 'a window of four batches',
    rules: ['I1', 'I4', 'scenario'],
    patches: [
      patch(
        'runtime/storage/producer-state.ts',
        'const BATCHES_KEPT = 5',
        'const BATCHES_KEPT = 4',
      ),
    ],
    run: { scenario: 'retry-after-leader-kill' },
  },
  {
    name: 'a batch that is sent again is stored again',
    rules: ['I1', 'O6'],
    patches: [
      patch(
        'runtime/storage/producer-state.ts',
        'kept.lastSequence === last && kept.offsetDelta === delta',
        'kept.lastSequence === last && kept.offsetDelta === delta && last < 0',
      ),
      patch('runtime/storage/producer-state.ts', 'if (first !== next) {', 'if (first > next) {'),
    ],
    run: lostAnswers,
  },
  {
    name: 'a gap in the sequences is stored',
    rules: ['I2', 'scenario'],
    patches: [
      patch('runtime/storage/producer-state.ts', 'if (first !== next) {', 'if (first < next) {'),
    ],
    run: { scenario: 'gap-in-the-sequences' },
  },
  {
    name: 'an older producer epoch is stored',
    rules: ['I3'],
    patches: [
      patch('runtime/storage/producer-state.ts', 'if (epoch < entry.epoch) {', 'if (epoch < -1) {'),
    ],
    run: { ...quiet, mix: { ...calm, delayMs: 5 } },
  },
  {
    name: 'a batch above message.max.bytes is stored',
    rules: ['M10', 'scenario'],
    patches: [
      patch(
        'runtime/storage/validation.ts',
        'if (size > config.maxMessageBytes) {',
        'if (size < 0) {',
      ),
    ],
    run: { scenario: 'batch-too-large' },
  },
  {
    name: 'a reassignment leaves too small an ISR',
    rules: ['P19'],
    patches: [
      patch(
        'actors/controller/partition-change.ts',
        '    enough &&\n',
        '    (enough || isr.length > 0) &&\n',
      ),
    ],
    run: { scenario: 'reassignment-keeps-min-isr' },
  },
  {
    name: 'producers outlive the batches that are cut',
    rules: ['I4', 'I1', 'I2'],
    patches: [
      patch(
        'runtime/storage/log-truncate.ts',
        'if (knowsFrom(log.producers, end)) log.producers = loadProducers(log)',
        '',
      ),
    ],
    run: failovers,
  },
  {
    name: 'two brokers hand out the same producer ids',
    rules: ['I5'],
    patches: [
      patch(
        'actors/controller/brokers.ts',
        "records: [{ type: 'ProducerIdsRecord', brokerId, brokerEpoch, nextProducerId }],",
        "records: [{ type: 'ProducerIdsRecord', brokerId, brokerEpoch, nextProducerId: nextProducerId - 999 }],",
      ),
    ],
    run: quiet,
  },
  {
    name: 'a poll leaves a batch out',
    rules: ['O9', 'P15'],
    patches: [
      patch(
        'actors/replica/read.ts',
        'log.read(from, maxBytes, upTo, minOneBatch)',
        'log.read(from % 2 === 1 && from + 1 < upTo ? from + 1 : from, maxBytes, upTo, minOneBatch)',
      ),
    ],
    run: { ...quiet, mix: { ...calm, delayMs: 20 } },
  },
  {
    name: 'a batch within an answer is left out',
    rules: ['O8'],
    patches: [
      patch(
        'actors/replica/read.ts',
        "return { records: log.read(from, maxBytes, upTo, minOneBatch), error: 'NONE' }",
        `const all = log.read(from, maxBytes, upTo, minOneBatch)
    const first = all.length === 0 ? 0 : 12 + all.readInt32BE(8)
    const second = all.length <= first ? first : first + 12 + all.readInt32BE(first + 8)
    const isRead = upTo < log.endOffset() || all.length <= second
    const records = isRead ? all : Buffer.concat([all.subarray(0, first), all.subarray(second)])
    return { records, error: 'NONE' }`,
      ),
    ],
    run: { ...failovers, mix: restless({ clientCut: 1_500 }) },
  },
  {
    name: 'consumers are shown what is new after a while only',
    rules: ['O12'],
    patches: [
      patch(
        'actors/replica/read.ts',
        'const upTo = isFollower ? log.endOffset() : partition.highWatermark',
        `const asked = partition as { reads?: number }
  asked.reads = (asked.reads ?? 0) + 1
  const isShown = isFollower || asked.reads % 37 === 0
  const upTo = isFollower ? log.endOffset() : isShown ? partition.highWatermark : fetchOffset`,
      ),
    ],
    run: { ...quiet, workload: [] },
  },
]
