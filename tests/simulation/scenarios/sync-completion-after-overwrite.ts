import { quietScript, type Scenario } from '../stage.ts'

export const scenario: Scenario = {
  lesson:
    'etcd #1690, S14: a leader is deposed while its disk still syncs what it appended last. It is cut and ' +
    'written anew at the same offsets; the late completion counts for nothing of that.',
  script: quietScript(61, { controllers: 3 }),
  async play(stage) {
    const { cluster } = stage
    const former = stage.node('controller')
    const others = [4, 5, 6].filter((id) => id !== former.id)
    const { log } = former.parts!.quorum.rpc.replica
    stage.act({ do: 'slowSync', node: former.id, syncMs: 8_000, forMs: 60_000 })
    stage.act({ do: 'isolate', node: former.id, forMs: 6_000 })
    const { quorum } = former.parts!
    const before = log.endOffset()
    quorum.append(stage.ledEpoch(), [{ type: 'NoOpRecord' }, { type: 'NoOpRecord' }])
    const isUnsynced = () => log.endOffset() > before && log.durableEndOffset() <= before
    stage.require(isUnsynced(), 'it has a tail that is not synced', {})
    const isDeposed = () => others.some((id) => cluster.node(id).parts!.quorum.rpc.leadership())
    await stage.until('scenario', 'another one leads', 12_000, isDeposed)
    // Synced by and by, each sync after seconds only, while the new leader appends.
    const epoch = stage.ledEpoch()
    let rewritten: { end: number; durable: number } | undefined
    stage.scheduler.onStep(() => {
      const last = stage.entries(former, '__cluster_metadata-0').at(-1)
      if (rewritten !== undefined || last?.epoch !== epoch) return
      rewritten = { end: log.endOffset(), durable: log.durableEndOffset() }
    })
    for (let index = 0; index < 10; index++) {
      await stage.within(9_000, 'it is created', stage.createTopic(`after-${index}`, 1))
      await stage.pass(1_000)
    }
    const isWritten = () => rewritten !== undefined
    await stage.until('scenario', 'its tail is written anew', 60_000, isWritten)
    stage.require(rewritten!.durable <= before, 'what is new does not count as durable', {
      before,
      rewritten,
    })
  },
}
