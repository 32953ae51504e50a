import type { Request } from '../../../transport/protocol/api.ts'
import { decoder } from '../../../transport/protocol/codec.ts'
import { Vote } from '../../../transport/schemas/52-vote.ts'
import { quietScript, type Scenario } from '../stage.ts'

function voteOf(what: string, bytes: Buffer) {
  if (what !== Vote.name) return undefined
  const { topics } = decoder(Vote.request, bytes.readInt16BE(0))(bytes, 2) as Request<typeof Vote>
  return topics[0]!.partitions[0]!
}

export const scenario: Scenario = {
  lesson:
    'R13: a candidate that nobody hears is alone in its new epoch and asks for pre-votes from there. ' +
    'They are granted, and raise no epoch: the others move on only with its next candidacy.',
  script: quietScript(31),
  async play(stage) {
    const former = stage.node('controller')
    const epoch = stage.quorumEpoch()
    /** Whose candidacy nobody heard; until it asks again nothing else passes between it and others. */
    let alone: number | undefined
    let hasAsked = false
    stage.intercept(({ from, to, what, bytes }) => {
      if (hasAsked) return false
      const { preVote, replicaEpoch } = voteOf(what, bytes) ?? {}
      if (preVote === false) alone ??= from
      hasAsked = preVote === true && from === alone && replicaEpoch === epoch + 1
      return !hasAsked && (from === alone || to === alone)
    })
    stage.act({ do: 'kill', node: former.id, forMs: 20_000 })
    await stage.until('L1', 'somebody leads', 30_000, () => stage.ledEpoch() > epoch)
    stage.require(hasAsked, 'it asked from the epoch of a lost candidacy', { alone })
  },
}
