/** What could be wrong where a node has several log directories, and where disks do worse than fail. */
import { calm, type Mutant, patch, restless, settled } from './mutant.ts'

const oftenIndexed = { ...settled, config: { 'log.index.interval.bytes': '200' } }

export const diskMutants: Mutant[] = [
  {
    name: 'a directory that failed is told to nobody',
    rules: ['S8', 'scenario'],
    patches: [
      patch(
        'actors/broker/lifecycle.ts',
        'ports.directories().filter(({ online }) => !online)',
        'ports.directories().filter(({ id }) => id.length === 0)',
      ),
    ],
    run: { scenario: 'one-directory-of-three-fails' },
  },
  {
    name: 'who waits for a replica to join waits for one whose directory failed',
    rules: ['S8', 'scenario'],
    patches: [
      patch(
        'actors/replica/leader.ts',
        'if (directory === undefined) return true',
        "if (directory !== '') return true",
      ),
    ],
    run: { scenario: 'one-directory-of-three-fails' },
  },
  {
    name: 'a node with a directory that cannot be read does not start',
    rules: ['S8', 'scenario', 'error'],
    patches: [
      patch(
        'runtime/format/check-formatted.ts',
        'if (error instanceof UserError || path === metadataLogDir) throw error',
        "if (path !== '' || metadataLogDir !== path) throw error",
      ),
    ],
    run: { scenario: 'one-directory-of-three-fails' },
  },
  {
    name: 'a follower takes its last record for uncommitted',
    rules: ['L4'],
    patches: [
      patch(
        'actors/replica/follower.ts',
        'Math.min(data.highWatermark, own.endOffset()))',
        'Math.min(data.highWatermark, own.endOffset() - 1))',
      ),
    ],
    run: { ...settled, faultyMs: 5_000, mix: calm },
  },
  {
    name: 'an index names the offset before',
    rules: ['S7'],
    patches: [
      patch(
        'runtime/storage/segment.ts',
        'files, last - segment.baseOffset, position)',
        'files, last - segment.baseOffset - 1, position)',
      ),
    ],
    run: { ...oftenIndexed, faultyMs: 10_000, mix: calm },
  },
  {
    name: 'the table of epochs is not stored',
    rules: ['S7', 'P14'],
    patches: [
      patch('runtime/storage/flush.ts', '  if (log.epochs.changed) await syncEpochs(log)\n', ''),
    ],
    run: { ...settled, faultyMs: 15_000, mix: restless({ kill: 5_000 }) },
  },
  {
    name: 'a producer snapshot holds one batch of each',
    rules: ['S7', 'I1'],
    patches: [
      patch(
        'runtime/storage/producer-snapshot.ts',
        'entry.batches.length === 0 ? [noBatch] : entry.batches)',
        'entry.batches.length === 0 ? [noBatch] : entry.batches.slice(-1))',
      ),
    ],
    run: { ...settled, faultyMs: 10_000, mix: calm },
  },
  {
    name: 'a snapshot of the metadata is loaded unread',
    rules: ['R16', 'M1', 'M2', 'scenario', 'error'],
    patches: [
      patch(
        'runtime/storage/quorum-store.ts',
        '(id: SnapshotId) => isSnapshotSound(shared.files, disk, path, id)',
        '(id: SnapshotId) => id.offset >= 0',
      ),
    ],
    run: { scenario: 'damaged-metadata-snapshot' },
  },
]
