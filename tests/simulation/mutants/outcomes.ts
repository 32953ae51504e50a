/** What clients and operators would see in the end: wrong answers, and what never comes to an end. */
import { calm, type Mutant, type MutantRun, patch, restless, settled } from './mutant.ts'

const quiet: MutantRun = { ...settled, faultyMs: 6_000, mix: calm }
const kills: MutantRun = { ...settled, faultyMs: 12_000, mix: restless({ kill: 1_500 }) }

export const outcomeMutants: Mutant[] = [
  {
    name: 'each hundredth batch is acknowledged, and not stored',
    rules: ['O5', 'O7', 'O6', 'P2'],
    patches: [
      patch(
        'actors/replica/append.ts',
        '    try {\n      leading.beforeAppend(partition, log.endOffset())',
        `    if (log.endOffset() % 100 === 99) {
      const result = refused('NONE')
      result.baseOffset = log.endOffset() - 1
      return { result, end: log.endOffset() }
    }
    try {
      leading.beforeAppend(partition, log.endOffset())`,
      ),
    ],
    run: quiet,
  },
  {
    name: 'a batch gets the offset before in its answer',
    rules: ['O7', 'O6', 'P2'],
    patches: [
      patch(
        'actors/replica/append.ts',
        "result: { error: 'NONE', message: null, baseOffset, logAppendTimeMs, logStartOffset },",
        "result: { error: 'NONE', message: null, baseOffset: baseOffset - (baseOffset % 2), logAppendTimeMs, logStartOffset },",
      ),
    ],
    run: quiet,
  },
  {
    name: 'what is sent again gets the offset of the newest',
    rules: ['O10', 'I1', 'O6', 'O7', 'P2'],
    patches: [
      patch(
        'runtime/storage/log-append.ts',
        'baseOffset: original.lastOffset - original.offsetDelta,',
        'baseOffset: log.endOffset - 1 - original.offsetDelta,',
      ),
    ],
    run: {
      ...settled,
      faultyMs: 10_000,
      sendEveryMs: 10,
      mix: restless({ reset: 500 }),
    },
  },
  {
    name: 'the newest batch is shown to no consumer',
    rules: ['O11'],
    patches: [
      patch(
        'actors/replica/read.ts',
        'isFollower ? log.endOffset() : partition.highWatermark',
        'isFollower ? log.endOffset() : Math.max(log.startOffset(), partition.highWatermark - 1)',
      ),
    ],
    run: quiet,
  },
  {
    name: 'clients are told who led first',
    rules: ['L3'],
    patches: [
      patch(
        'actors/apis/03-metadata.ts',
        '        leaderId: leader.leaderId,',
        '        leaderId: first(topic.id, partitionIndex, leader.leaderId),',
      ),
      patch(
        'actors/apis/03-metadata.ts',
        'const noTopic = (',
        `const leaders = new Map<string, number>()
function first(id: string, index: number, leaderId: number): number {
  const of = id + index
  const known = leaders.get(of) ?? leaderId
  if (known >= 0) leaders.set(of, known)
  return known
}

const noTopic = (`,
      ),
    ],
    run: kills,
  },
  {
    name: 'who dies stays a member of its group',
    rules: ['L5'],
    patches: [patch('actors/group/sessions.ts', '      else expired()\n', '')],
    run: { ...settled, faultyMs: 20_000, mix: calm, workload: ['groups'] },
  },
  {
    name: 'who has an odd id lets no-ops pass',
    rules: ['L6', 'M3'],
    patches: [
      patch(
        'actors/metadata/loader.ts',
        '        replay.apply(batch, changes)\n',
        `        const isOdd = config.int('node.id') % 2 === 1
        if (isOdd && batch.records.every(({ type }) => type === 'NoOpRecord')) return
        replay.apply(batch, changes)
`,
      ),
    ],
    run: quiet,
  },
  {
    name: 'a broker epoch counts the registrations',
    rules: ['M5'],
    patches: [
      patch(
        'actors/controller/brokers.ts',
        'epoch: sameIncarnation ? known.epoch : offset,',
        'epoch: sameIncarnation ? known.epoch : (known?.epoch ?? 0) + 1,',
      ),
    ],
    run: kills,
  },
  {
    name: 'replicas are placed on brokers that nobody registered',
    rules: ['M8'],
    patches: [
      patch(
        'actors/controller/topics.ts',
        'return placeReplicas(usable, partitions, replicationFactor, cluster.random)',
        `return placeReplicas(usable, partitions, replicationFactor, cluster.random).map(
    (ids, index) => (index === 0 ? [...ids, 77] : ids))`,
      ),
    ],
    run: quiet,
  },
  {
    name: 'a fetch session that is not there is begun',
    rules: ['N1'],
    patches: [
      patch(
        'actors/replica/fetch-session.ts',
        "throw sessionError('FETCH_SESSION_ID_NOT_FOUND', request)",
        'return begin(request, true, nowMs)',
      ),
    ],
    run: { ...settled, faultyMs: 12_000, mix: restless({ staleReader: 2_000 }) },
  },
  {
    name: 'what a fetch brings counts in whichever epoch it comes',
    rules: ['X2', 'R5', 'R9', 'R10', 'S7'],
    patches: [
      patch(
        'actors/quorum/fetcher.ts',
        "if (!isCurrent() || answer === undefined) return 'failed'",
        "if (answer === undefined) return 'failed'",
      ),
      patch(
        'actors/quorum/fetcher.ts',
        "if (!isCurrent() || partition.errorCode !== 0) return 'failed'",
        "if (partition.errorCode !== 0) return 'failed'",
      ),
    ],
    run: { ...settled, faultyMs: 20_000, mix: restless({ isolate: 1_500, kill: 3_000 }) },
  },
  {
    name: 'what was damaged below the recovery point is cut as if it were torn',
    rules: ['S2', 'scenario', 'R7', 'R10'],
    patches: [
      patch(
        'runtime/storage/load-log.ts',
        'if (Math.max(recoveryPoint, heldEnd) > endOffset) {',
        'if (Math.max(recoveryPoint, heldEnd) < 0) {',
      ),
    ],
    run: { scenario: 'minority-bit-flips' },
  },
  {
    name: 'how long one waits before it asks again is left to chance',
    rules: ['X5'],
    patches: [
      patch(
        'actors/quorum/fetcher.ts',
        'await replica.sleep(waitMs)',
        'await replica.sleep(waitMs + Math.random())',
      ),
    ],
    run: { twice: quiet },
  },
  {
    name: 'each fetch of a follower names all that it follows',
    rules: ['M7'],
    patches: [
      patch(
        'actors/replica/fetcher.ts',
        'session.stands ? changed : followed.values()',
        'changed.size >= 0 ? followed.values() : []',
      ),
    ],
    run: { costs: true },
  },
]
