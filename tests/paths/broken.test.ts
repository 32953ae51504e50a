/** Broken controllers, group coordinators and replicas of partitions are told from sound ones. */
import { test } from 'uvu'
import { controller } from '../../machines/controller.ts'
import { group } from '../../machines/group.ts'
import { replica } from '../../machines/replica.ts'
import { broken, decides, tell } from './broken.ts'
import { adapterOf as ofController } from './controller-adapter.ts'
import { adapterOf as ofGroup } from './group-adapter.ts'
import { adapterOf as ofReplica } from './replica-adapter.ts'

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
