/** What could be wrong with groups and their coordinators. */
import { calm, type Mutant, type MutantRun, patch, settled } from './mutant.ts'

/** Members come and go, and nothing else happens. */
const joining: MutantRun = { ...settled, faultyMs: 20_000, mix: calm, workload: ['groups'] }

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
  {
    name: 'a coordinator answers while it loads',
    rules: ['scenario', 'G4'],
    patches: [
      patch(
        'actors/group/coordinator.ts',
        "if (shard.phase === 'loading') {\n      refuse('COORDINATOR_LOAD_IN_PROGRESS', `",
        "if (shard.phase === 'closed') {\n      refuse('COORDINATOR_LOAD_IN_PROGRESS', `",
      ),
    ],
    run: { scenario: 'offsets-while-loading' },
  },
  {
    name: 'a deleted group leaves no tombstone',
    rules: ['scenario'],
    patches: [
      patch(
        'actors/group/remove-offsets.ts',
        'if (group !== null) records.push(groupTombstone(groupId))',
        '',
      ),
    ],
    run: { scenario: 'chained-groups-storm' },
  },
  {
    name: 'everybody is given the same part',
    rules: ['G1'],
    patches: [
      patch(
        'actors/group/syncing.ts',
        'member.assignment = group.storing?.get(member.memberId) ?? NO_BYTES',
        'member.assignment = [...(group.storing?.values() ?? [])][0] ?? NO_BYTES',
      ),
    ],
    run: joining,
  },
  {
    name: 'a generation is counted anew',
    rules: ['G2'],
    patches: [
      patch(
        'machines/group.ts',
        'generationId: ({ context }) => context.generationId + 1',
        'generationId: ({ context }) => (context.generationId % 2) + 1',
      ),
    ],
    run: { ...joining, faultyMs: 40_000 },
  },
  {
    name: 'offsets expire while somebody reads on',
    rules: ['G6', 'scenario'],
    patches: [
      patch(
        'actors/group/remove-offsets.ts',
        '  if (subscribed === undefined) return () => undefined\n',
        '  if (subscribed === undefined) return (_, value) => now - value.commitTimestampMs\n',
      ),
    ],
    run: { scenario: 'offsets-expire' },
  },
  {
    name: 'offsets expire as soon as a group is empty',
    rules: ['G6', 'scenario'],
    patches: [
      patch(
        'actors/group/remove-offsets.ts',
        'now - Math.max(group.stateTimestampMs, value.commitTimestampMs)',
        'now - value.commitTimestampMs',
      ),
    ],
    run: { scenario: 'offsets-expire' },
  },
  {
    name: 'an offset belongs to the name of a topic',
    rules: ['G8', 'scenario'],
    patches: [
      patch(
        'actors/group/offsets.ts',
        'offset.topicId === topicId || offset.topicId === ZERO_UUID || topicId === ZERO_UUID',
        "offset.topicId !== '' || topicId === ZERO_UUID",
      ),
    ],
    run: { scenario: 'offsets-of-a-deleted-topic' },
  },
  {
    name: 'who never asks for its part is waited for',
    rules: ['G7', 'scenario', 'L5'],
    patches: [
      patch(
        'machines/group.ts',
        "        guard: 'somebodyUnsynced',\n        target: 'preparingRebalance',",
        "        guard: not('somebodyUnsynced'),\n        target: 'preparingRebalance',",
      ),
    ],
    run: { scenario: 'member-never-syncs' },
  },
]
