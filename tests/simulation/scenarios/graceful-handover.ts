import type { Request } from '../../../transport/protocol/api.ts'
import { decoder } from '../../../transport/protocol/codec.ts'
import { EndQuorumEpoch } from '../../../transport/schemas/54-end-quorum-epoch.ts'
import { quietScript, type Scenario } from '../stage.ts'

/** Behind the version that the link's messages begin with. */
const bodyAt = 2

export const scenario: Scenario = {
  lesson:
    'KAFKA-20895: the leader of five stops cleanly: one round, which its preferred successor wins.',
  script: quietScript(17, { controllers: 5 }),
  async play(stage) {
    const { scheduler } = stage
    for (let round = 0; round < 3; round++) {
      const leader = stage.node('controller')
      const before = stage.quorumEpoch()
      let preferred: number | undefined
      stage.intercept(({ from, what, bytes }) => {
        if (what !== 'EndQuorumEpoch' || from !== leader.id) return false
        const version = bytes.readInt16BE(0)
        const told = decoder(EndQuorumEpoch.request, version)(bytes, bodyAt) as Request<
          typeof EndQuorumEpoch
        >
        preferred ??= told.topics[0]!.partitions[0]!.preferredCandidates[0]!.candidateId
        return false
      })
      stage.act({ do: 'stop', node: leader.id, forMs: 15_000 })
      const from = scheduler.now()
      const isOver = () => stage.ledEpoch() > before
      await stage.until('scenario', 'the next one leads within a fetch timeout', 2_000, isOver)
      const next = stage.node('controller').id
      stage.require(next === preferred, 'the preferred successor leads', { next, preferred })
      const after = stage.quorumEpoch()
      stage.require(after === before + 1, 'one round is enough', { before, after })
      stage.trace.note('handed over', { ms: scheduler.now() - from })
      await stage.pass(25_000)
    }
  },
}
