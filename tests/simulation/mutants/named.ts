/** What histories of others taught, as bugs: each is shown by the scenario that bears its name. */
import { type Mutant, patch } from './mutant.ts'

export const namedMutants: Mutant[] = [
  {
    name: 'a former incarnation is taken into an ISR',
    rules: ['P10', 'P1'],
    patches: [
      patch(
        'actors/controller/alter-partition.ts',
        'brokerEpoch === anyEpoch || brokerEpoch === broker.epoch',
        'brokerEpoch >= anyEpoch || brokerEpoch === broker.epoch',
      ),
    ],
    run: { scenario: 'reboot-empty-stale-fetch' },
  },
  {
    name: 'a stopping broker is taken back into its ISRs',
    rules: ['P10', 'P9'],
    patches: [
      patch(
        'actors/controller/alter-partition.ts',
        'broker.fenced || broker.inControlledShutdown',
        'broker.fenced',
      ),
      patch('actors/replica/isr.ts', '  !broker.inControlledShutdown &&\n', ''),
    ],
    run: { scenario: 'stopping-broker-rejoins' },
  },
  {
    name: 'a batch of a later epoch than asked is stored',
    rules: ['P20', 'P14', 'P4', 'R5'],
    patches: [
      patch(
        'runtime/storage/validation.ts',
        'batchEpoch < epoch || batchEpoch > leaderEpoch',
        'batchEpoch < epoch',
      ),
    ],
    run: { scenario: 'corrupt-fetch-response' },
  },
  {
    name: 'the log of a deleted topic is taken for its successor’s',
    rules: ['P17', 'P4', 'scenario'],
    patches: [
      patch(
        'actors/replica/manager.ts',
        'if (found?.topicId === topicId) {',
        'if (found !== undefined) {',
      ),
      patch(
        'actors/replica/manager.ts',
        'const state = now.topicById(own.topicId)?.partition(own.partition)',
        'const state = now.topicByName(own.topic)?.partition(own.partition)',
      ),
    ],
    run: { scenario: 'topic-recreated-while-offline' },
  },
  {
    name: 'what a checkpoint says of a deleted log is held for said of the next of that name',
    rules: ['L2'],
    patches: [patch('runtime/storage/log-store.ts', 'place.forget(partitionName(of))', '')],
    run: { scenario: 'topic-recreated-before-a-crash' },
  },
  {
    name: 'a change of an ISR is decided as often as it comes',
    rules: ['P1', 'scenario'],
    patches: [
      patch(
        'actors/broker/controller-channel.ts',
        'api.key === AlterPartition.key ? nextRequestId()',
        'api.key < 0 ? nextRequestId()',
      ),
    ],
    run: { scenario: 'late-copy-of-an-isr-change' },
  },
  {
    name: 'a late copy of a full fetch goes on counting',
    rules: ['L2', 'scenario'],
    patches: [
      patch(
        'actors/replica/fetch-session.ts',
        'session.replicaId >= 0 && tellers.get(session.replicaId) !== session',
        'session.replicaId < -1',
      ),
    ],
    run: { scenario: 'late-copy-of-a-full-fetch' },
  },
  {
    name: 'a follower lets read before it cuts',
    rules: ['P7', 'scenario'],
    patches: [
      patch(
        'actors/replica/follower.ts',
        '      if (divergingEpoch.epoch >= 0 || divergingEpoch.endOffset >= 0) {',
        '      if (divergingEpoch.epoch >= 0 || divergingEpoch.endOffset >= 0) {\n' +
          '        takeBounds(partition, own, data)',
      ),
    ],
    run: { scenario: 'bound-before-truncation' },
  },
  {
    name: 'the latest offset is told before it is known',
    rules: ['P5', 'scenario'],
    patches: [
      patch(
        'actors/apis/02-list-offsets.ts',
        "if (role !== 'leader' || highWatermark >= epochStart) return",
        "if (role !== 'leader' || epochStart >= 0) return",
      ),
    ],
    run: { scenario: 'latest-offset-goes-back' },
  },
  {
    name: 'who lost its disk leads as the last of its ISR',
    rules: ['P2', 'P1', 'scenario'],
    patches: [
      patch(
        'actors/replica/manager.ts',
        'if (isLastInSync && !isOnline(directoryId)) {',
        "if (isLastInSync && directoryId === '') {",
      ),
    ],
    run: { scenario: 'last-replica-standing' },
  },
  {
    name: 'a damaged voter grants its vote',
    rules: ['R7', 'R10', 'scenario'],
    patches: [
      patch(
        'actors/apis/52-vote.ts',
        'const upToDate = !log.isSuspect() && isUpToDate(log, asked)',
        'const upToDate = isUpToDate(log, asked)',
      ),
    ],
    run: { scenario: 'minority-bit-flips' },
  },
  {
    name: 'a voter is its id, whatever its disk',
    rules: ['R12', 'R7', 'scenario'],
    patches: [
      patch(
        'machines/quorum/votes.ts',
        `  a.id === b.id &&
  (a.directoryId === b.directoryId ||
    a.directoryId === unknownDirectory ||
    b.directoryId === unknownDirectory)`,
        '  a.id === b.id',
      ),
      patch(
        'machines/quorum/votes.ts',
        'answers[keyOf(voter)] === what',
        'Object.keys(answers).some((key) => key.split(":")[0] === String(voter.id) && answers[key] === what)',
      ),
    ],
    run: { scenario: 'wiped-voter-returns' },
  },
  {
    name: 'bootstrap records are written at each activation',
    rules: ['M9', 'scenario'],
    patches: [
      patch(
        'actors/controller/bootstrap.ts',
        'if (!isEmpty || bootstrapRecords.length === 0) return abort',
        'if (!isEmpty && bootstrapRecords.length === 0) return abort',
      ),
    ],
    run: { scenario: 'lost-bootstrap' },
  },
]
