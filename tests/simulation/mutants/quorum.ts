/** What could be wrong with the metadata quorum. */
import { calm, type Mutant, type MutantRun, patch, restless, settled } from './mutant.ts'

/** Nodes end and come back, links go and come. */
const elections: MutantRun = {
  ...settled,
  faultyMs: 12_000,
  mix: restless({ kill: 3_000, isolate: 4_000, halves: 5_000, oneWay: 5_000 }),
}

/** Disks that take long to sync, and nodes that end meanwhile. */
const slowDisks: MutantRun = {
  ...settled,
  faultyMs: 12_000,
  mix: restless({ slowSync: 1_500, kill: 4_000, isolate: 6_000 }),
}

export const quorumMutants: Mutant[] = [
  {
    name: 'a vote is not synced',
    rules: ['R2', 'R3'],
    patches: [
      patch(
        'runtime/storage/quorum-state.ts',
        'replaceFile(disk, directory, QUORUM_STATE, JSON.stringify(fields))',
        'disk.writeFile(joinPath(directory, QUORUM_STATE), Buffer.from(JSON.stringify(fields)))',
      ),
    ],
    run: elections,
  },
  {
    name: 'two votes in one epoch',
    rules: ['R2', 'scenario'],
    patches: [
      patch(
        'machines/quorum.ts',
        '(voted === null ? leaderId === nobody && event.upToDate : isSame(voted, event.candidate))',
        'event.upToDate && leaderId === nobody',
      ),
    ],
    run: { scenario: 'vote-then-crash' },
  },
  {
    name: 'an epoch is adopted, but not persisted',
    rules: ['R3'],
    patches: [
      patch(
        'machines/quorum.ts',
        "const adopt = ['adoptEpoch', 'persistState'] as const",
        "const adopt = ['adoptEpoch'] as const",
      ),
    ],
    run: elections,
  },
  {
    name: 'a leader resumes its epoch after a restart',
    rules: ['R1'],
    patches: [
      patch(
        'machines/quorum.ts',
        "target: 'resigned',\n          actions: 'keepTimeout',",
        "target: 'leader',",
      ),
    ],
    run: { ...elections, mix: restless({ kill: 1_500 }) },
  },
  {
    name: 'half of the voters are a majority',
    rules: ['R1', 'R4', 'R9', 'R13'],
    patches: [
      patch(
        'machines/quorum/votes.ts',
        'Math.floor(voters.length / 2) + 1',
        'Math.floor(voters.length / 2)',
      ),
    ],
    run: elections,
  },
  {
    name: 'a pre-vote raises the epoch',
    rules: ['R13'],
    patches: [
      patch(
        'machines/quorum.ts',
        "{ guard: 'grantsPreVote', actions: grant },",
        `{
          guard: and(['isPreVote', 'isNewer', 'isUpToDate']),
          target: '.unattached',
          actions: ['adoptEpoch', 'persistState', grant],
        },
        { guard: 'grantsPreVote', actions: grant },`,
      ),
    ],
    run: {
      brokers: 1,
      controllers: 3,
      faultyMs: 12_000,
      workload: [],
      mix: restless({ kill: 800 }, { lossRate: 0.5 }),
    },
  },
  {
    name: 'a candidacy without pre-votes',
    rules: ['R13'],
    patches: [
      patch(
        'machines/quorum.ts',
        "{ guard: 'hasWon', target: 'candidate' }",
        "{ target: 'candidate' }",
      ),
    ],
    run: elections,
  },
  {
    name: 'a pre-vote is granted in contact with the leader',
    rules: ['R13'],
    patches: [
      patch(
        'machines/quorum.ts',
        "and(['isPreVote', 'inContact'])",
        "and(['isPreVote', 'isStale'])",
      ),
    ],
    run: elections,
  },
  {
    name: 'a commit before an entry of its own epoch',
    rules: ['R9'],
    patches: [
      patch(
        'actors/quorum/progress.ts',
        'return offset > epochStartOffset ? offset : undefined',
        'return offset',
      ),
    ],
    run: { ...elections, mix: restless({ kill: 1_000 }, { delayMs: 40 }), workload: ['admin'] },
  },
  {
    name: 'the high watermark of the wrong majority',
    rules: ['R9', 'R7', 'R10'],
    patches: [patch('actors/quorum/progress.ts', 'ends[majorityOf(voters) - 1]!', 'ends[0]!')],
    run: elections,
  },
  {
    name: 'an observer counts for the majority',
    rules: ['R9'],
    patches: [
      patch(
        'actors/quorum/progress.ts',
        '.sort((a, b) => b - a)\n      const offset',
        `.concat([...states.values()].filter(({ replica }) => !includes(voters, replica)).map(({ endOffset }) => endOffset))
        .sort((a, b) => b - a)
      const offset`,
      ),
    ],
    run: {
      ...elections,
      brokers: 3,
      controllers: 3,
      mix: restless({ isolate: 1_500, slowSync: 2_000 }),
    },
  },
  {
    name: 'a leader counts what it has not synced',
    rules: ['R9', 'S4'],
    patches: [
      patch(
        'actors/quorum/leadership.ts',
        'progress.committed(voters(replica), log.durableEndOffset())',
        'progress.committed(voters(replica), log.endOffset())',
      ),
    ],
    run: slowDisks,
  },
  {
    name: 'a fetch acknowledges what is not synced',
    rules: ['S4', 'R9'],
    patches: [
      patch(
        'actors/quorum/fetcher.ts',
        'while (log.durableEndOffset() < log.endOffset()) {',
        'while (log.endOffset() < 0) {',
      ),
    ],
    run: slowDisks,
  },
  {
    name: 'a vote for a log that lacks what is committed',
    rules: ['R7', 'R10', 'R5'],
    patches: [
      patch('actors/apis/52-vote.ts', '? asked.lastOffset >= log.endOffset()', '? true'),
      patch('actors/apis/52-vote.ts', ': asked.lastOffsetEpoch > log.lastEpoch()', ': true'),
    ],
    run: { ...elections, mix: restless({ isolate: 1_500, halves: 2_000, kill: 5_000 }) },
  },
  {
    name: 'a follower of the quorum takes what does not fit its log',
    rules: ['R5', 'R11', 'R10', 'P15', 'R9', 'L1'],
    patches: [
      patch(
        'actors/quorum/metadata-log.ts',
        "if (end.epoch === lastFetchedEpoch && fetchOffset <= end.endOffset) return { kind: 'valid' }",
        "if (fetchOffset <= log.endOffset()) return { kind: 'valid' }",
      ),
    ],
    run: { ...elections, mix: restless({ isolate: 1_500, halves: 2_000, kill: 5_000 }) },
  },
  {
    name: 'a follower takes its log end for committed',
    rules: ['R8', 'R10'],
    patches: [
      patch(
        'actors/quorum/fetcher.ts',
        'replica.raiseHighWatermark(Math.min(highWatermark, log.endOffset()))',
        'replica.raiseHighWatermark(log.endOffset())',
      ),
    ],
    run: elections,
  },
  {
    name: 'a leader without a majority goes on',
    rules: ['R14'],
    patches: [
      patch(
        'machines/quorum.ts',
        "{ target: '#quorum.resigned' },",
        "{ target: 'awaited', reenter: true },",
      ),
    ],
    run: { scenario: 'leader-cut-from-voters' },
  },
  {
    name: 'a leader cuts its own log',
    rules: ['R6', 'R5'],
    patches: [
      patch(
        'actors/quorum/leadership.ts',
        'const { lastOffset } = log.appendAsLeader(batch, epoch, clock.now())',
        `const end = log.endOffset()
    if (committed !== undefined && end > committed + 1) log.truncateToDivergence({ epoch, endOffset: end - 1 }, committed)
    const { lastOffset } = log.appendAsLeader(batch, epoch, clock.now())`,
      ),
    ],
    run: slowDisks,
  },
  {
    name: 'the controller is active before it has replayed',
    rules: ['R15'],
    patches: [
      patch(
        'actors/quorum/delivery.ts',
        'if (isTold || (startOffset !== undefined && to.next <= startOffset)) return',
        'if (isTold) return',
      ),
    ],
    run: elections,
  },
  {
    name: 'a batch is told in part',
    rules: ['R17', 'M1'],
    patches: [
      patch(
        'actors/quorum/delivery.ts',
        'decodeDataBatch(bytes, at),',
        'decodeDataBatch(bytes, at).slice(0, 3),',
      ),
    ],
    run: { ...settled, faultyMs: 5_000, mix: calm },
  },
  {
    name: 'an observer campaigns',
    rules: ['R18', 'R13'],
    patches: [
      patch(
        'machines/quorum.ts',
        'mayCampaign: ({ context }) => includes(context.voters, context.self) && !context.isSuspect,',
        'mayCampaign: () => true,',
      ),
      patch(
        'machines/quorum.ts',
        'isVoter: ({ context }) => includes(context.voters, context.self),',
        'isVoter: () => true,',
      ),
    ],
    run: { ...elections, brokers: 3, controllers: 3 },
  },
]
