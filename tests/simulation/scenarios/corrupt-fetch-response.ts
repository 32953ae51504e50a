import { layout } from '../../../transport/records/batch.ts'
import { METADATA } from '../quorum-checker.ts'
import { quietScript, type Scenario } from '../stage.ts'

/** What becomes of a batch on its way to a follower. */
const alterations: Record<string, (batch: Buffer) => void> = {
  'a bit of a record': (batch) => {
    batch[batch.length - 3]! ^= 4
  },
  'a bit of its CRC': (batch) => {
    batch[layout.crc]! ^= 1
  },
  'a bit of its length': (batch) => {
    batch[layout.batchLength + 3]! ^= 2
  },
  'a later epoch than asked': (batch) => {
    const at = layout.partitionLeaderEpoch
    batch.writeInt32BE(batch.readInt32BE(at) + 1, at)
  },
  'another offset': (batch) => {
    batch.writeBigInt64BE(batch.readBigInt64BE(0) + 1n, 0)
  },
}

export const scenario: Scenario = {
  lesson:
    'KAFKA-18723: a fetched batch arrives with a bit flipped, or of a later epoch than was asked in. It ' +
    'is dropped and fetched again, by followers of partitions and of the quorum.',
  script: quietScript(47, { controllers: 3 }),
  async play(stage) {
    const { checker, cluster } = stage
    await stage.within(5_000, 'it is acknowledged', stage.send(['before']))
    async function change(log: string, words: string, append: () => Promise<unknown>) {
      const isQuorum = log === METADATA
      const leader = stage.node(isQuorum ? 'controller' : 'leader of first-0')
      const follower = cluster.nodes.find(
        ({ id, isBroker }) => id !== leader.id && isBroker !== isQuorum,
      )!
      const answer = isQuorum ? 'Fetch.metadata answer' : 'Fetch answer'
      const isAt = (base: number) => checker.logs.entryAt(follower.id, log, base) !== undefined
      const before = stage.entries(leader, log).length
      let altered: number | undefined
      let again = 0
      stage.intercept(({ from, to, what, bytes, alter }) => {
        if (from !== leader.id || to !== follower.id || what !== answer) return false
        checker.logs.refresh()
        const entry = stage.entries(leader, log)[before]
        if (entry === undefined) return false
        const { data } = leader.disk.file(entry.file)!
        const batch = data.subarray(entry.position, entry.position + entry.size)
        const at = bytes.indexOf(batch)
        if (at < 0) return false
        again++
        if (altered !== undefined) return false
        altered = entry.base
        const other = Buffer.from(bytes)
        alterations[words]!(other.subarray(at, at + batch.length))
        alter(other)
        return false
      })
      await stage.within(9_000, 'it is acknowledged', append())
      const isHeld = () => altered !== undefined && isAt(altered)
      await stage.until('scenario', 'it is fetched again, as it is', 3_000, isHeld)
      stage.require(again > 1, 'the altered one was dropped', { log, words, again })
      stage.intercept(() => false)
    }
    for (const [index, words] of Object.keys(alterations).entries()) {
      await change('first-0', words, () => stage.send([`value-${index}`]))
      await change(METADATA, words, () => stage.createTopic(`topic-${index}`, 1))
    }
    stage.require(stage.ledEpoch() === 1, 'nobody gave up for it', { epoch: stage.ledEpoch() })
  },
}
