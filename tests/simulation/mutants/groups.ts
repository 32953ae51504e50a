/** What could be wrong with groups and their coordinators. */
import { type Mutant, patch } from './mutant.ts'

export const groupMutants: Mutant[] = [
  {
    name: 'a commit is accepted before it is committed',
    rules: ['G5', 'scenario'],
    patches: [
      patch(
        'actors/group/coordinator-log.ts',
        '    replicas.whenCommitted(of, lastOffset, (committed) => {\n',
        `    clock.setTimeout(() => finish('NONE'), 0)
    replicas.whenCommitted(of, lastOffset, (committed) => {\n`,
      ),
    ],
    run: { scenario: 'zombie-group-coordinator' },
  },
  {
    name: 'a commit of another generation is taken',
    rules: ['G3', 'scenario'],
    patches: [
      patch(
        'actors/group/commit-offsets.ts',
        '  checkGeneration(group, generationId)\n  if (group.state',
        '  if (group.state',
      ),
    ],
    run: { scenario: 'commit-of-a-stranger' },
  },
]
