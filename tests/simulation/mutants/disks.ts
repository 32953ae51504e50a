/** What could be wrong where a node has several log directories, and where disks do worse than fail. */
import { type Mutant, patch } from './mutant.ts'

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
]
