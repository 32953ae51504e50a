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
]
