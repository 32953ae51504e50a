/** What could be wrong with what leaves a log: as old, on demand, superseded, or with its topic. */
import { calm, type Mutant, type MutantRun, patch, restless, settled } from './mutant.ts'

const failovers: MutantRun = {
  ...settled,
  faultyMs: 12_000,
  mix: restless({ kill: 2_500, isolate: 4_000, oneWay: 5_000 }),
}

export const cleanupMutants: Mutant[] = [
  {
    name: 'a log serves whatever has the name of its topic',
    rules: ['P17', 'P4', 'P6'],
    patches: [
      patch(
        'actors/replica/manager.ts',
        'if (found?.topicId === topicId) {',
        'if (found !== undefined) {',
      ),
      patch(
        'actors/replica/manager.ts',
        'const state = now.topicById(own.topicId)?.partition(own.partition)\n      if',
        'const state = now.topicByName(own.topic)?.partition(own.partition)\n      if',
      ),
    ],
    run: { ...failovers, workload: ['recreate'], mix: restless({ kill: 1_500 }) },
  },
  {
    name: 'retention does not stop at the high watermark',
    rules: ['S10', 'P15'],
    patches: [
      patch(
        'runtime/storage/retention.ts',
        'if (end > highWatermark || isLastAndEmpty',
        'if (highWatermark < 0 || isLastAndEmpty',
      ),
    ],
    run: { ...failovers, workload: ['loose', 'retention'] },
  },
  {
    name: 'DeleteRecords takes all that is committed',
    rules: ['P6', 'P1', 'P2'],
    patches: [
      patch(
        'actors/replica/delete-records.ts',
        'partition.log?.advanceStartOffset(offset)',
        'partition.log?.advanceStartOffset(partition.highWatermark)',
      ),
    ],
    run: { ...failovers, workload: ['retention'] },
  },
  {
    name: 'compaction does not stop at the high watermark',
    rules: ['S9', 'P15'],
    patches: [
      patch(
        'actors/replica/cleaning.ts',
        'own.cleanable(row.highWatermark,',
        'own.cleanable(own.endOffset(),',
      ),
      patch(
        'actors/replica/cleaning.ts',
        'own.clean(row.highWatermark,',
        'own.clean(own.endOffset(),',
      ),
    ],
    run: { ...failovers, workload: ['loose', 'compaction'] },
  },
  {
    name: 'compaction takes the last value of a key along',
    rules: ['S9'],
    patches: [
      patch('runtime/storage/cleaner.ts', 'map.get(key) > offset', 'map.get(key) >= offset'),
    ],
    run: { ...settled, faultyMs: 12_000, mix: calm, workload: ['compaction'] },
  },
]
