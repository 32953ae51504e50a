/**
 * What the walks are worth: an actor whose effects are left out, swapped or wrong, or whose chart
 * decides otherwise, is told from a sound one.
 */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { AnyStateMachine } from 'xstate'
import { controller } from '../../machines/controller.ts'
import { group } from '../../machines/group.ts'
import { quorum } from '../../machines/quorum.ts'
import { replica } from '../../machines/replica.ts'
import { listenToGuards } from './chart.ts'
import { adapterOf as ofController } from './controller-adapter.ts'
import { type Coverage, coverageOf } from './coverage.ts'
import { adapterOf as ofGroup } from './group-adapter.ts'
import { type Plan, planOf } from './plan.ts'
import { adapterOf as ofQuorum } from './quorum-adapter.ts'
import { adapterOf as ofReplica } from './replica-adapter.ts'
import { type Adapter, type World, walk } from './walk.ts'

type Action = (...of: unknown[]) => void
type Actions = Readonly<Record<string, Action>>
type Guards = Readonly<Record<string, () => boolean>>
type Provided = { actions: Actions; guards?: Guards }

/** What a host provides, as it would be with a bug. */
type Bug = (provided: Provided) => Provided

/** `told`: what the walk says of it. */
type Broken = { bug: Bug; told: string }

const broken = (patch: (actions: Actions) => Actions): Bug => {
  return (of) => ({ ...of, actions: { ...of.actions, ...patch(of.actions) } })
}
const decides = (guards: Guards): Bug => {
  return (of) => ({ ...of, guards: { ...of.guards, ...guards } })
}

async function complaintOf<W extends World>(
  machine: AnyStateMachine,
  adapterOf: (coverage: Coverage) => Adapter<W>,
  plan: Plan,
  bug: Bug,
): Promise<string> {
  const { provide } = machine
  const coverage = coverageOf('a broken actor', machine)
  machine.provide = (of) => provide.call(machine, bug(of as unknown as Provided) as never)
  try {
    await walk(machine, adapterOf(coverage), coverage, plan)
    return 'nothing'
  } catch (error) {
    return (error as Error).message
  } finally {
    machine.provide = provide
  }
}

function tell<W extends World>(
  machine: AnyStateMachine,
  adapterOf: (coverage: Coverage) => Adapter<W>,
  all: Readonly<Record<string, Broken>>,
): void {
  // All of them claim to be what the same chart says.
  const plan = planOf(adapterOf(coverageOf('what is planned', machine)))
  for (const [name, { bug, told }] of Object.entries(all)) {
    test(`told of the ${machine.id}: ${name}`, async () =>
      assert.match(await complaintOf(machine, adapterOf, plan, bug), told))
  }
}

for (const machine of [quorum, controller, group, replica]) listenToGuards(machine)

const voter = { id: 2, voters: [1, 2, 3], epoch: 4 }

tell(quorum, (coverage) => ofQuorum('a broken replica', voter, coverage), {
  'a vote that is not persisted': {
    bug: broken(() => ({ persistState() {} })),
    told: 'what persistState does at once',
  },
  'votes that are asked for before the own one is persisted': {
    bug: broken(({ persistState, sendVoteRequests }) => ({
      persistState(of, params) {
        const { context } = of as { context: { voted: { id: number } | null } }
        if (context.voted?.id !== voter.id) persistState!(of, params)
      },
      sendVoteRequests(of, params) {
        sendVoteRequests!(of, params)
        persistState!(of, params)
      },
    })),
    told: 'what persistState does at once',
  },
  'fetches that go on': {
    bug: broken(() => ({ stopFetching() {} })),
    told: 'nothing else is done',
  },
  'a vote that is granted instead of refused': {
    bug: broken(({ answerVote }) => ({ answerVote: (of) => answerVote!(of, { granted: true }) })),
    told: "vote: 'answer refused 0'",
  },
  'an epoch that is not announced': {
    bug: broken(() => ({ beginEpoch() {} })),
    told: 'what beginEpoch does at once',
  },
  'a leader that does not know that it lost': {
    bug: broken(() => ({ stopLeading() {} })),
    told: "waiters: 'leads no more'",
  },
  'what must not be, lived with': {
    bug: broken(() => ({ unexpected() {} })),
    told: 'what must not be ends the node',
  },
  'another chart, which decides otherwise': {
    bug: decides({ isFirstHeir: () => false }),
    told: 'the state after',
  },
})

const byTheClock = { idleIntervalMs: 500, balanceIntervalMs: 2_000, uncleanIntervalMs: 3_000 }

tell(controller, () => ofController('a broken controller', byTheClock), {
  'an empty log that stays empty': {
    bug: broken(() => ({ appendActivationRecords() {} })),
    told: 'what appendActivationRecords does at once',
  },
  'decisions that outlive their term': {
    bug: broken(() => ({ revert() {} })),
    told: 'it decides where the chart is active',
  },
  'sessions that outlive their term': {
    bug: broken(() => ({ dropBrokers() {} })),
    told: 'sessions are those of a term',
  },
  'brokers that nobody watches': {
    bug: broken(() => ({ trackBrokers() {} })),
    told: 'sessions are those of a term',
  },
  'who cannot write, and leads on': {
    bug: broken(() => ({ resignLeadership() {} })),
    told: 'what resignLeadership does at once',
  },
  'a log that does not move': {
    bug: broken(() => ({ appendNoOp() {} })),
    told: 'what appendNoOp does at once',
  },
  'an epoch that is led twice': {
    bug: decides({ isCurrentEpoch: () => true }),
    told: 'effects come in the order of the chart',
  },
})

const empty = { name: 'a broken coordinator', loaded: 0, sizeMax: 100 }

tell(group, () => ofGroup({ ...empty, isStatic: false }), {
  'an assignment that is told before it is stored': {
    bug: broken(({ answerSyncs, storeAssignment }) => ({
      storeAssignment(of, params) {
        storeAssignment!(of, params)
        answerSyncs!(of, params)
      },
    })),
    told: 'nothing else is done',
  },
  'an assignment that is not stored': {
    bug: broken(() => ({ storeAssignment() {} })),
    told: 'what storeAssignment does at once',
  },
  'a member that does not join, and stays': {
    bug: broken(() => ({ dropUnjoined() {} })),
    told: 'the chart counts the members there are',
  },
  'members that hear of no rebalance': {
    bug: broken(() => ({ refuseSyncs() {} })),
    told: 'what refuseSyncs does at once',
  },
  'who waits for a coordinator that is none any more': {
    bug: broken(() => ({ refuseAll() {} })),
    told: 'what refuseAll does at once',
  },
  'members that change and are not heard': {
    bug: decides({ changes: () => false }),
    told: 'effects come in the order of the chart',
  },
})

tell(group, () => ofGroup({ ...empty, isStatic: true }), {
  'a replacement that is told before it is stored': {
    bug: broken(({ storeReplacement, answerCurrentGeneration }) => ({
      storeReplacement(of, params) {
        answerCurrentGeneration!(of, params)
        storeReplacement!(of, params)
      },
    })),
    told: 'what storeReplacement does at once',
  },
})

tell(replica, () => ofReplica({ name: 'a broken replica', leader: 2, isr: [1, 2] }), {
  'a log that is not cut before it is filled': {
    bug: broken(() => ({
      truncate(of) {
        const { self } = of as { self: { send(event: object): void } }
        self.send({ type: 'truncated' })
      },
    })),
    told: 'what truncate does at once',
  },
  'a follower that does not fetch': {
    bug: broken(() => ({ startFetching() {} })),
    told: "fetch: 'fetch from 2",
  },
  'an ISR that no controller knows of': {
    bug: broken(() => ({ proposeIsr() {} })),
    told: "propose: 'propose",
  },
  'a leader that was put down, for whose records somebody waits': {
    bug: broken(() => ({ endLeading() {} })),
    told: 'what endLeading does at once',
  },
  'a refusal that is not taken for one': {
    bug: decides({ isRefused: () => false }),
    told: 'the state after',
  },
})

test.run()
