/** What could be wrong where a node meets its disk, its clients and its links. */
import { type Mutant, patch, restless, settled } from './mutant.ts'

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
    rules: ['R2', 'R3', 'scenario'],
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
        'return ((took - lesser(least, leastBefore)) | 0) > timeoutMs + toleranceMs',
        'return false',
      ),
    ],
    run: { scenario: 'reconnect-flushes-stale' },
  },
  {
    name: 'an answer that nobody asked for is not noticed',
    rules: ['N2', 'scenario'],
    patches: [
      patch(
        'transport/links/nats-lane.ts',
        'else if (open.peerOf(id) !== from.nodeId) dropped.unasked++',
        'else if (from.nodeId < 0) dropped.unasked++',
      ),
    ],
    run: { scenario: 'answers-come-twice' },
  },
  {
    name: 'a message is sent whole, however large',
    rules: ['N4', 'scenario'],
    patches: [
      patch('transport/links/nats-lane.ts', 'if (total <= partBytes) {', 'if (total >= 0) {'),
    ],
    run: { scenario: 'batch-above-payload-limit' },
  },
  {
    name: 'the cleaner looks above the high watermark',
    rules: ['S9', 'P6', 'scenario', 'P4', 'P15'],
    patches: [
      patch(
        'runtime/storage/cleanable.ts',
        'const bound = Math.min(upTo, log.recoveryPoint)',
        'const bound = Math.max(upTo, log.endOffset)',
      ),
    ],
    run: { scenario: 'compaction-above-high-watermark' },
  },
  {
    name: 'producers are not cut with their log',
    rules: ['I4', 'I1', 'I2', 'scenario'],
    patches: [
      patch(
        'runtime/storage/log-truncate.ts',
        '  if (knowsFrom(log.producers, end)) log.producers = loadProducers(log)\n',
        '',
      ),
    ],
    run: { scenario: 'sequence-after-truncation' },
  },
  {
    name: 'a fetch brings all there is',
    rules: ['N5', 'L2', 'scenario'],
    patches: [
      patch(
        'actors/replica/fetch.ts',
        'const max = Math.min(entry.partitionMaxBytes, budget)',
        'const max = 2 ** 30',
      ),
    ],
    run: { scenario: 'slow-follower-catch-up' },
  },
  {
    name: 'what was appended is overwritten while it is sent',
    rules: ['S12', 'S1', 'error'],
    patches: [
      patch(
        'runtime/storage/log-append.ts',
        '  const first = log.endOffset\n  store(log, own, how.nowMs)',
        `  const first = log.endOffset
  store(log, own, how.nowMs)
  const { last } = log as { last?: Buffer }
  if (log.topic !== '__cluster_metadata') {
    last?.fill(0)
    Object.assign(log, { last: own })
  }`,
      ),
    ],
    run: { scenario: 'buffer-reused-in-flight' },
  },
  {
    name: 'a request in fifty leaves a timer that sets itself again',
    rules: ['L7', 'scenario'],
    patches: [
      patch(
        'transport/links/open-requests.ts',
        '    clock.clearTimeout(request.timer)\n',
        '    clock.clearTimeout(request.timer)\n' +
          '    const again = () => void clock.setTimeout(again, 1_000)\n' +
          '    if (id % 50 === 0) again()\n',
      ),
    ],
    run: { scenario: 'back-to-baseline' },
  },
  {
    name: 'what is answered first is sent first',
    rules: ['W3'],
    patches: [
      patch(
        'actors/connection/connection.ts',
        'open.length === 0 || (header.apiKey === produceKey && open[0]!.key === produceKey)',
        'open.length < 99 || header.apiKey === produceKey',
      ),
      patch(
        'actors/connection/connection.ts',
        'const { answer, bytes } = row.open.shift()!',
        'const { answer, bytes } = row.open.splice(row.open.indexOf(done), 1)[0]!',
      ),
      patch('actors/connection/connection.ts', 'while (row.open[0]?.isDone) {', 'if (done) {'),
    ],
    run: { ...settled, faultyMs: 5_000, mix: restless({ pipelined: 500 }) },
  },
  {
    name: 'another incarnation is registered while the first one lives',
    rules: ['N6', 'scenario'],
    patches: [
      patch(
        'actors/controller/brokers.ts',
        'if (isAlive && !sameIncarnation && !isReplaced) {',
        'if (isAlive && sameIncarnation && isReplaced) {',
      ),
    ],
    run: { scenario: 'second-process-of-one-id' },
  },
  {
    name: 'what a former incarnation asks for is done',
    rules: ['N6', 'scenario'],
    patches: [
      patch(
        'actors/controller/cluster.ts',
        'if (broker.epoch !== epoch) {',
        'if (broker.epoch < epoch) {',
      ),
    ],
    run: { scenario: 'second-process-of-one-id' },
  },
  {
    name: 'a node takes the folder of another one',
    rules: ['S11', 'scenario'],
    patches: [
      patch(
        'runtime/format/check-formatted.ts',
        'if (meta.nodeId !== node.nodeId) {',
        'if (meta.nodeId < 0) {',
      ),
      patch('runtime/storage/directories.ts', 'if (meta.nodeId !== nodeId) {', 'if (nodeId < 0) {'),
    ],
    run: { scenario: 'folder-of-another-node' },
  },
]
