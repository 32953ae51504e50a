/**
 * One replica of the metadata quorum: whom it follows, when it asks to lead, when it stops leading.
 *
 * Source: KIP-595, KIP-853 (voters are id and directory), KIP-996 (pre-vote); states are Kafka's
 *         QuorumState. An observer is unattached or follower and has no vote.
 * In:     votes and epochs as they come over the wire, and what the log's data path has seen.
 * Out:    effects, in the order in which they must happen: what is persisted precedes what is said.
 *
 * Two departures from Kafka, for one rule: the epoch rises only after a majority of pre-votes. A
 * pre-vote from a newer epoch teaches nothing by itself, and who has resigned waits for the next
 * leader in its own epoch, where Kafka's moves on to the next one.
 */
import { and, assign, not, or, setup } from 'xstate'
import { effect } from './effect.ts'
import type { QuorumContext, QuorumEvent, QuorumInput } from './quorum/types.ts'
import {
  draw,
  electionBackoff,
  handoverDelay,
  heirDelay,
  heirRank,
  includes,
  isSame,
  keyOf,
  tally,
} from './quorum/votes.ts'

const nobody = -1
const epochOf = (event: QuorumEvent) => ('epoch' in event ? event.epoch : -1)
const leaderOf = (event: QuorumEvent) => ('leaderId' in event ? event.leaderId : nobody)

const grant = { type: 'answerVote', params: { granted: true } } as const
const refuse = { type: 'answerVote', params: { granted: false } } as const

const adopt = ['adoptEpoch', 'persistState'] as const

export const quorum = setup({
  types: {
    input: {} as QuorumInput,
    context: {} as QuorumContext,
    events: {} as QuorumEvent,
  },
  guards: {
    isVoter: ({ context }) => includes(context.voters, context.self),
    mayCampaign: ({ context }) => includes(context.voters, context.self) && !context.isSuspect,
    isOnlyVoter: ({ context }) =>
      context.voters.length === 1 && includes(context.voters, context.self) && !context.isSuspect,
    ledThisEpoch: ({ context }) => context.leaderId === context.self.id,
    leaderKnown: ({ context }) =>
      context.leaderId !== nobody && context.leaderId !== context.self.id,
    isStale: ({ context, event }) => epochOf(event) < context.epoch,
    isNewer: ({ context, event }) => epochOf(event) > context.epoch,
    isOfThisEpoch: ({ context, event }) => epochOf(event) === context.epoch,
    namesLeader: ({ event }) => leaderOf(event) !== nobody,
    namesUs: ({ context, event }) => leaderOf(event) === context.self.id,
    namesOurLeader: ({ context, event }) => leaderOf(event) === context.leaderId,
    // Of this epoch, and no other one leads it: a second leader is nobody to follow (R4).
    mayFollow: ({ context: { self, epoch, leaderId }, event }) =>
      epochOf(event) === epoch &&
      leaderOf(event) !== nobody &&
      leaderOf(event) !== self.id &&
      (leaderId === nobody || leaderOf(event) === leaderId),
    comesFromLeader: ({ event }) => event.type === 'learned' && event.fromId === event.leaderId,
    isPreVote: ({ event }) => event.type === 'Vote' && event.preVote,
    isUpToDate: ({ event }) => event.type === 'Vote' && event.upToDate,
    grantsPreVote: ({ context, event }) =>
      event.type === 'Vote' && event.preVote && event.upToDate && event.epoch >= context.epoch,
    // In an epoch whose leader is known nobody else can win, so nobody needs the vote.
    mayVote: ({ context: { epoch, leaderId, voted }, event }) =>
      event.type === 'Vote' &&
      event.epoch === epoch &&
      !event.preVote &&
      (voted === null ? leaderId === nobody && event.upToDate : isSame(voted, event.candidate)),
    inContact: ({ context }) => context.fetched,
    comesFromEarlierHeir: ({ context, event }) =>
      event.type === 'Vote' && event.candidate.id < context.self.id,
    isFirstHeir: ({ context }) => heirRank(context) === 0,
    answersPreVote: ({ context, event }) =>
      event.type === 'VoteResponse' && event.preVote && event.epoch === context.epoch,
    answersCandidacy: ({ context, event }) =>
      event.type === 'VoteResponse' && !event.preVote && event.epoch === context.epoch,
    hasWon: ({ context }) => tally(context.voters, context.answers).won,
    hasLost: ({ context }) => tally(context.voters, context.answers).lost,
  },
  delays: {
    electionTimeout: ({ context }) => context.waitMs,
    electionBackoff: ({ context }) => context.waitMs,
    handover: ({ context }) => context.waitMs,
    heirDelay: ({ context }) => heirDelay(context.timing.preVoteRetryMs),
    preVoteRetry: ({ context }) => context.timing.preVoteRetryMs,
    fetchTimeout: ({ context }) => context.timing.fetchTimeoutMs,
    beginEpochInterval: ({ context }) => context.timing.fetchTimeoutMs / 2,
    checkQuorumTimeout: ({ context }) => context.timing.fetchTimeoutMs * 1.5,
  },
  actions: {
    // Effects.
    persistState: effect(),
    answerVote: effect<{ granted: boolean }>(),
    sendPreVotes: effect(),
    sendVoteRequests: effect(),
    findLeader: effect(),
    fetchFromLeader: effect(),
    stopFetching: effect(),
    startEpoch: effect(),
    beginEpoch: effect(),
    claimLeadership: effect(),
    stopLeading: effect(),
    endEpoch: effect(),
    unexpected: effect(),
    // What is remembered.
    adoptEpoch: assign(({ context, event }) => {
      const epoch = epochOf(event)
      const leaderId = leaderOf(event)
      // Of the same epoch: the vote that was cast in it stays cast (R2).
      const voted = epoch === context.epoch ? context.voted : null
      return { epoch, leaderId, voted }
    }),
    castVote: assign(({ context, event }) =>
      event.type === 'Vote' ? { voted: event.candidate } : context,
    ),
    standForElection: assign(({ context }) => ({
      epoch: context.epoch + 1,
      leaderId: nobody,
      voted: context.self,
    })),
    takeLead: assign(({ context }) => ({ leaderId: context.self.id, retries: 0 })),
    forgetLeader: assign({ leaderId: nobody, nextTimeoutMs: 0 }),
    drawElectionTimeout: assign(({ context }) => {
      const { seed, value } = draw(context.seed)
      const drawn = Math.round(context.timing.electionTimeoutMs * (1 + value))
      return { seed, waitMs: context.nextTimeoutMs ?? drawn, nextTimeoutMs: null }
    }),
    // The first one was drawn on the way.
    keepTimeout: assign(({ context }) => ({ nextTimeoutMs: context.waitMs })),
    drawBackoff: assign(({ context }) => {
      const { seed, value } = draw(context.seed)
      const waitMs = electionBackoff(context.retries, context.timing.electionBackoffMaxMs, value)
      return { seed, waitMs, retries: context.retries + 1 }
    }),
    takePlace: assign(({ context, event }) => {
      const place = event.type === 'EndQuorumEpoch' ? event.place : -1
      const { voters, timing } = context
      return { waitMs: handoverDelay(place, voters.length, timing.electionBackoffMaxMs) }
    }),
    // All notice its end at about the same time: without an order they would split the vote.
    takeRank: assign(({ context }) => ({
      waitMs: heirRank(context) * heirDelay(context.timing.preVoteRetryMs),
    })),
    countOwnVote: assign(({ context }) => ({ answers: { [keyOf(context.self)]: true } })),
    countAnswer: assign(({ context, event }) =>
      event.type === 'VoteResponse'
        ? { answers: { ...context.answers, [keyOf(event.from)]: event.granted } }
        : context,
    ),
    loseContact: assign({ fetched: false }),
    noteContact: assign({ fetched: true, retries: 0 }),
    clearSuspicion: assign({ isSuspect: false }),
    adoptVoters: assign(({ context, event }) =>
      event.type === 'votersChanged' ? { voters: event.voters } : context,
    ),
  },
}).createMachine({
  id: 'quorum',
  initial: 'unattached',
  context: ({ input: { firstTimeoutMs, ...input } }) => ({
    ...input,
    nextTimeoutMs: firstTimeoutMs,
    waitMs: 0,
    answers: {},
    retries: 0,
    fetched: false,
  }),
  // What holds in every state; a state says only where it differs.
  on: {
    Vote: [
      { guard: 'grantsPreVote', actions: grant },
      {
        guard: and(['isNewer', not('isPreVote'), 'isUpToDate']),
        target: '.unattached',
        actions: ['adoptEpoch', 'castVote', 'persistState', grant],
      },
      {
        guard: and(['isNewer', not('isPreVote')]),
        target: '.unattached',
        actions: ['adoptEpoch', 'persistState', refuse],
      },
      { actions: refuse },
    ],
    VoteResponse: { description: 'For a candidacy since given up.' },
    BeginQuorumEpoch: [
      { guard: or(['isStale', 'namesUs']), description: 'Of an epoch that is over.' },
      { guard: 'isNewer', target: '.follower', actions: adopt },
      { guard: 'namesOurLeader', description: 'Known.' },
      { actions: 'unexpected', description: 'Two leaders of one epoch.' },
    ],
    EndQuorumEpoch: [
      { guard: or(['isStale', 'namesUs']), description: 'Of an epoch that is over.' },
      { guard: 'isNewer', target: '.follower.abandoned', actions: adopt },
      { guard: 'namesOurLeader', description: 'Known.' },
      { actions: 'unexpected', description: 'Two leaders of one epoch.' },
    ],
    learned: [
      { guard: or(['isStale', 'namesUs']), description: 'Of an epoch that is over.' },
      { guard: and(['isNewer', 'namesLeader']), target: '.follower', actions: adopt },
      { guard: 'isNewer', target: '.unattached', actions: adopt },
      { guard: or([not('namesLeader'), 'namesOurLeader']), description: 'Known.' },
      { actions: 'unexpected', description: 'Two leaders of one epoch.' },
    ],
    fetched: { description: 'Answered by a leader since left.' },
    leaderGone: { description: 'It is looked for already, or leads us no more.' },
    majorityFetched: { description: 'Since resigned.' },
    epochCommitted: { description: 'Since resigned.' },
    resign: { description: 'Since resigned.' },
    votersChanged: { actions: 'adoptVoters' },
    refetched: { actions: 'clearSuspicion' },
    '*': { actions: 'unexpected' },
  },
  states: {
    unattached: {
      description: 'In an epoch whose leader it does not know, or has yet to reach.',
      entry: ['drawElectionTimeout', 'loseContact', 'findLeader'],
      exit: 'stopFetching',
      always: [
        {
          guard: 'ledThisEpoch',
          target: 'resigned',
          actions: 'keepTimeout',
          description: 'A restarted leader may lack what it was about to commit.',
        },
        { guard: 'isOnlyVoter', target: 'prospective' },
      ],
      after: {
        electionTimeout: [
          { guard: 'mayCampaign', target: 'prospective' },
          { description: 'An observer never campaigns, a suspect not yet.' },
        ],
      },
      on: {
        Vote: [
          {
            guard: 'mayVote',
            target: 'unattached',
            reenter: true,
            actions: ['castVote', 'persistState', grant],
          },
          {
            guard: and(['isNewer', not('isPreVote'), not('isUpToDate')]),
            actions: ['adoptEpoch', 'persistState', refuse],
            description: 'The timer goes on: who lags must not keep others from campaigning.',
          },
        ],
        BeginQuorumEpoch: { guard: 'mayFollow', target: 'follower', actions: adopt },
        EndQuorumEpoch: { guard: 'mayFollow', target: 'follower.abandoned', actions: adopt },
        learned: [
          { guard: 'mayFollow', target: 'follower', actions: adopt },
          { guard: and(['isNewer', not('namesLeader')]), actions: adopt },
        ],
        votersChanged: { target: 'unattached', reenter: true, actions: 'adoptVoters' },
        refetched: { target: 'unattached', reenter: true, actions: 'clearSuspicion' },
      },
    },

    prospective: {
      description: 'Asks whether it could win, before it disturbs anybody with a new epoch.',
      entry: ['drawElectionTimeout', 'loseContact', 'countOwnVote'],
      initial: 'asking',
      always: [
        { guard: not('isVoter'), target: 'unattached' },
        { guard: 'hasWon', target: 'candidate' },
        { guard: and(['hasLost', 'leaderKnown']), target: 'follower' },
        { guard: 'hasLost', target: 'unattached' },
      ],
      after: {
        electionTimeout: [{ guard: 'leaderKnown', target: 'follower' }, { target: 'unattached' }],
      },
      states: {
        asking: {
          entry: 'sendPreVotes',
          after: { preVoteRetry: { target: 'asking', reenter: true } },
          on: {
            Vote: [
              {
                guard: and(['grantsPreVote', 'comesFromEarlierHeir']),
                target: 'givingWay',
                actions: grant,
              },
              { guard: 'grantsPreVote', target: 'listening', actions: grant },
            ],
          },
        },
        givingWay: {
          description:
            'Both would win their pre-votes, and split the vote: the lower id goes first.',
          entry: 'countOwnVote',
          after: { heirDelay: 'insisting' },
          on: { VoteResponse: { description: 'Won, perhaps, but given away.' } },
        },
        listening: {
          description: 'It does not cross the candidacy that it has just agreed to.',
          after: { preVoteRetry: 'insisting' },
        },
        insisting: {
          description: 'Whoever it made way for has not won.',
          entry: 'sendPreVotes',
          after: { preVoteRetry: { target: 'insisting', reenter: true } },
        },
      },
      on: {
        Vote: { guard: 'mayVote', actions: ['castVote', 'persistState', grant] },
        VoteResponse: { guard: 'answersPreVote', actions: 'countAnswer' },
        BeginQuorumEpoch: { guard: 'mayFollow', target: 'follower', actions: adopt },
        EndQuorumEpoch: {
          guard: and(['mayFollow', not('leaderKnown')]),
          target: 'follower.abandoned',
          actions: adopt,
        },
        learned: [
          {
            guard: and(['isOfThisEpoch', 'namesOurLeader', 'leaderKnown', 'comesFromLeader']),
            target: 'follower',
            description: 'It lives, then.',
          },
          {
            guard: and(['mayFollow', not('leaderKnown')]),
            target: 'follower',
            actions: adopt,
          },
        ],
      },
    },

    candidate: {
      description: 'Asks for votes in an epoch of its own.',
      entry: [
        'standForElection',
        'drawElectionTimeout',
        'countOwnVote',
        'persistState',
        'sendVoteRequests',
      ],
      initial: 'campaigning',
      always: [
        { guard: not('isVoter'), target: 'unattached' },
        { guard: 'hasWon', target: 'leader' },
      ],
      states: {
        campaigning: {
          always: { guard: 'hasLost', target: 'backingOff' },
          after: { electionTimeout: '#quorum.prospective' },
        },
        backingOff: {
          entry: 'drawBackoff',
          after: { electionBackoff: '#quorum.prospective' },
        },
      },
      on: {
        VoteResponse: { guard: 'answersCandidacy', actions: 'countAnswer' },
        BeginQuorumEpoch: { guard: 'mayFollow', target: 'follower', actions: adopt },
        EndQuorumEpoch: { guard: 'mayFollow', target: 'follower.abandoned', actions: adopt },
        learned: { guard: 'mayFollow', target: 'follower', actions: adopt },
      },
    },

    follower: {
      description: 'Pulls the log from the leader of its epoch.',
      entry: ['loseContact', 'fetchFromLeader'],
      exit: 'stopFetching',
      initial: 'fetching',
      states: {
        fetching: {
          after: {
            fetchTimeout: [
              { guard: 'mayCampaign', target: '#quorum.prospective' },
              { target: 'searching' },
            ],
          },
          on: {
            fetched: {
              guard: 'isOfThisEpoch',
              target: 'fetching',
              reenter: true,
              actions: 'noteContact',
            },
            leaderGone: [
              {
                guard: and(['isOfThisEpoch', 'namesOurLeader', 'mayCampaign', 'isFirstHeir']),
                target: '#quorum.prospective',
              },
              {
                guard: and(['isOfThisEpoch', 'namesOurLeader', 'mayCampaign']),
                target: 'bereaved',
              },
              { guard: and(['isOfThisEpoch', 'namesOurLeader']), target: 'searching' },
            ],
            EndQuorumEpoch: {
              guard: and(['isOfThisEpoch', 'namesOurLeader']),
              target: 'abandoned',
            },
          },
        },
        searching: {
          description: 'An observer whose leader fell silent asks the voters.',
          entry: 'findLeader',
          after: {
            fetchTimeout: [
              { guard: 'mayCampaign', target: '#quorum.prospective' },
              { target: 'searching', reenter: true },
            ],
          },
          on: {
            fetched: {
              guard: 'isOfThisEpoch',
              target: 'fetching',
              actions: ['noteContact', 'fetchFromLeader'],
            },
          },
        },
        bereaved: {
          description: 'Its leader has ended; voters with a lower id go first.',
          entry: ['loseContact', 'takeRank'],
          after: { handover: '#quorum.prospective' },
        },
        abandoned: {
          description: 'Its leader resigned; the preferred successors go first.',
          entry: ['loseContact', 'takePlace'],
          after: {
            handover: [
              { guard: 'mayCampaign', target: '#quorum.prospective' },
              { target: 'searching' },
            ],
          },
        },
      },
      on: {
        Vote: { guard: and(['isPreVote', 'inContact']), actions: refuse },
      },
    },

    leader: {
      description: 'Appends, and serves the fetches of all others.',
      entry: ['takeLead', 'persistState', 'startEpoch'],
      exit: 'stopLeading',
      type: 'parallel',
      states: {
        epoch: {
          initial: 'uncommitted',
          states: {
            uncommitted: {
              on: { epochCommitted: { guard: 'isOfThisEpoch', target: 'committed' } },
            },
            committed: { entry: 'claimLeadership' },
          },
        },
        announcement: {
          description: 'For those that do not fetch yet.',
          initial: 'announced',
          states: {
            announced: {
              entry: 'beginEpoch',
              after: { beginEpochInterval: { target: 'announced', reenter: true } },
            },
          },
        },
        contact: {
          description: 'Cut off from the majority it commits nothing, and must say so.',
          initial: 'awaited',
          states: {
            awaited: {
              after: {
                checkQuorumTimeout: [
                  { guard: 'isOnlyVoter', target: 'awaited', reenter: true },
                  { target: '#quorum.resigned' },
                ],
              },
              on: {
                majorityFetched: { guard: 'isOfThisEpoch', target: 'awaited', reenter: true },
              },
            },
          },
        },
      },
      on: {
        Vote: { guard: 'isPreVote', actions: refuse },
        resign: { guard: 'isOfThisEpoch', target: 'resigned' },
      },
    },

    resigned: {
      description: 'Led this epoch and will not lead it again.',
      entry: ['drawElectionTimeout', 'endEpoch', 'findLeader'],
      exit: 'stopFetching',
      after: { electionTimeout: { target: 'unattached', actions: 'forgetLeader' } },
    },
  },
})
