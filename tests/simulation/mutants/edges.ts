/** What could be wrong where a node meets its disk, its clients and its links. */
import { type Mutant, patch } from './mutant.ts'

export const edgeMutants: Mutant[] = [
  {
    name: 'what cannot be read is left unanswered',
    rules: ['W2', 'scenario'],
    patches: [
      patch(
        'actors/connection/connection.ts',
        'if (isLive(row)) row.actor.send({ type, why })',
        "if (isLive(row) && type !== 'malformed') row.actor.send({ type, why })",
      ),
    ],
    run: { scenario: 'tiny-frame-huge-array' },
  },
  {
    name: 'a surprise ends the connection',
    rules: ['X4', 'scenario'],
    patches: [
      patch(
        'actors/apis/handler.ts',
        'if (error instanceof InvariantError) throw error\n  if (error instanceof KafkaError) return',
        'if (!(error instanceof KafkaError)) throw error\n  if (error) return',
      ),
    ],
    run: { scenario: 'handler-throws' },
  },
  {
    name: 'an error inside a chart is not heard',
    rules: ['X4', 'scenario'],
    patches: [
      patch(
        'actors/group/host.ts',
        'stateOf(snapshot)), error: halt })',
        'stateOf(snapshot)), error() {} })',
      ),
    ],
    run: { scenario: 'handler-throws' },
  },
  {
    name: 'a disk that failed once is trusted again',
    rules: ['S8', 'S6'],
    patches: [
      patch(
        'runtime/disk/guarded-disk.ts',
        '      onFailure(failure)\n    }\n    return failure\n',
        '    }\n    const told = failure\n    failure = undefined\n    return told\n',
      ),
    ],
    run: { scenario: 'one-write-error' },
  },
  {
    name: 'the name of a new segment is not synced',
    rules: ['S5', 'scenario'],
    patches: [
      patch('runtime/storage/flush.ts', '  if (log.namesChanged) await syncNames(log)\n', ''),
    ],
    run: { scenario: 'segment-directory-entry-lost' },
  },
  {
    name: 'a node without its quorum state votes as if it never had',
    rules: ['R2', 'R3'],
    patches: [
      patch(
        'runtime/storage/quorum-store.ts',
        'if (found !== undefined || state.endOffset === 0) return found',
        'if (state !== undefined) return found',
      ),
    ],
    run: { scenario: 'small-file-missing-or-empty' },
  },
  {
    name: 'what lay in a socket for a minute is handed on',
    rules: ['N3'],
    patches: [
      patch(
        'transport/links/staleness.ts',
        'return ((took - least) | 0) > timeoutMs + toleranceMs',
        'return false',
      ),
    ],
    run: { scenario: 'reconnect-flushes-stale' },
  },
  {
    name: 'a message is sent whole, however large',
    rules: ['N4', 'scenario'],
    patches: [
      patch('transport/links/nats-lane.ts', 'if (total <= partBytes) {', 'if (total >= 0) {'),
    ],
    run: { scenario: 'batch-above-payload-limit' },
  },
]
