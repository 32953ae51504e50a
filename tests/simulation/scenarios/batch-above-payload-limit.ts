import { quietScript, type Scenario } from '../stage.ts'

const maxPayload = 64 * 1024
const bytes = 900 * 1024

export const scenario: Scenario = {
  lesson:
    'N4: a batch of 900 KiB, and a server that takes no payload above 64 KiB: it is replicated in parts, ' +
    'also when some of them are lost.',
  script: quietScript(50, { controllers: 3, nats: { maxPayload } }),
  async play(stage) {
    const { cluster, checker } = stage
    const largest = new Map<string, number>()
    let parts = 0
    let lose = 0
    stage.intercept(({ what, bytes: { length } }) => {
      largest.set(what, Math.max(largest.get(what) ?? 0, length))
      if (what !== 'Fetch answer' || length < maxPayload / 2) return false
      parts++
      return lose > 0 && lose-- % 2 === 0
    })
    const hasAll = (batches: number) =>
      [1, 2, 3].every((id) => checker.logs.view(id, 'first-0')?.entries.length === batches)
    const one = stage.send([`one-${'x'.repeat(bytes)}`])
    const first = await stage.within(10_000, 'it is answered', one)
    stage.require(first.acked, 'it is acknowledged', first)
    await stage.until('N4', 'all replicas have it', 5_000, () => hasAll(1))
    stage.require(parts >= 2 * Math.floor(bytes / maxPayload), 'it went in parts', { parts })
    lose = 8
    const two = stage.send([`two-${'x'.repeat(bytes)}`])
    const second = await stage.within(30_000, 'the next one is answered', two)
    stage.require(second.acked, 'though parts of it are lost', second)
    await stage.until('N4', 'all replicas have both', 30_000, () => hasAll(2))
    const tooLarge = [...largest].filter(([, most]) => most > maxPayload)
    stage.require(tooLarge.length === 0, 'no message is above the limit', { tooLarge })
    stage.require(stage.fencings().length === 0, 'nobody is fenced', { of: stage.fencings() })
    stage.require(
      cluster.nodes.every(({ end }) => end !== undefined),
      'nobody ended',
      {},
    )
  },
}
