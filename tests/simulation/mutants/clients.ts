/** What could be wrong where a node meets clients that no good one is like. */
import { type Mutant, patch, restless, settled } from './mutant.ts'

export const clientMutants: Mutant[] = [
  {
    name: 'connections on which nothing moves stay',
    rules: ['W5'],
    patches: [
      patch(
        'transport/tcp/idle-sweep.ts',
        'if (most >= 0 && now - row.activeAt > most) row.expire()',
        'if (now < row.activeAt) row.expire()',
      ),
    ],
    run: {
      ...settled,
      faultyMs: 12_000,
      config: { 'connections.max.idle.ms': '3000' },
      mix: restless({ slowWriter: 500 }),
    },
  },
  {
    name: 'a frame gets the room that it declares',
    rules: ['W1'],
    patches: [
      patch(
        'transport/tcp/frames.ts',
        'Math.min(declared, Math.max(reservedMin, bytes * reservedTimes))',
        'Math.max(declared, bytes)',
      ),
    ],
    run: { ...settled, faultyMs: 5_000, mix: restless({ slowWriter: 500 }) },
  },
  {
    name: 'an older producer epoch goes on',
    rules: ['I3'],
    patches: [
      patch('runtime/storage/producer-state.ts', 'if (epoch < entry.epoch) {', 'if (epoch < 0) {'),
    ],
    run: { ...settled, faultyMs: 15_000, mix: restless({ zombieProducer: 1_000 }) },
  },
  {
    name: 'a heartbeat may name a generation that is over',
    rules: ['G3'],
    patches: [
      patch(
        'actors/group/sync-group.ts',
        '  checkGeneration(group, request.generationId)\n  env.sessions.renew(group, member)\n  return group',
        '  env.sessions.renew(group, member)\n  return group',
      ),
    ],
    run: { ...settled, faultyMs: 20_000, mix: restless({ zombieMember: 1_500 }) },
  },
  {
    name: 'a leader epoch that is over is served',
    rules: ['P13'],
    patches: [
      patch(
        'actors/replica/read.ts',
        "if (currentLeaderEpoch !== -1 && currentLeaderEpoch < leaderEpoch) return 'FENCED_LEADER_EPOCH'",
        '',
      ),
    ],
    run: { ...settled, faultyMs: 15_000, mix: restless({ staleReader: 2_000, kill: 4_000 }) },
  },
  {
    name: 'a directory that another process has is taken',
    rules: ['S13'],
    patches: [
      patch(
        'runtime/storage/directories.ts',
        "if (typeof taken !== 'string') return taken",
        "if (typeof taken === 'string') return { release() {} }\n  if (taken) return taken",
      ),
    ],
    run: { ...settled, faultyMs: 5_000, mix: restless({ secondProcess: 500 }) },
  },
]
