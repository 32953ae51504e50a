/** Broken replicas of the quorum are told from sound ones. */
import { test } from 'uvu'
import { quorum } from '../../machines/quorum.ts'
import { broken, decides, tell } from './broken.ts'
import { adapterOf } from './quorum-adapter.ts'

const voter = { id: 2, voters: [1, 2, 3], epoch: 4 }

tell(quorum, (coverage) => adapterOf('a broken replica', voter, coverage), {
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

test.run()
