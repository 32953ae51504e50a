/**
 * Keeps its own record of elections and commits, and compares it with all nodes after each step:
 * R1 to R9, as far as they can be seen from outside.
 */
import { createHash } from 'node:crypto'
import * as assert from 'uvu/assert'
import type { Node, World } from './quorum-world.ts'

type Entry = { epoch: number; hash: string }

export function quorumChecker() {
  /** Who led each epoch: node and incarnation. */
  const leaders = new Map<number, string>()
  const votes = new Map<string, string>()
  const named = new Map<string, number>()
  const epochs = new Map<number, number>()
  /** (base offset, epoch) → hash of that batch and all before it. */
  const chains = new Map<string, string>()
  const committed = new Map<number, Entry>()
  let committedEnd = 0
  const highWatermarks = new Map<string, number>()
  const checkedLogs = new Map<number, string>()
  let isWatching = false

  function watchVotes(world: World): void {
    isWatching = true
    for (const { id, disk } of world.nodes.values()) {
      disk.onVote = ({ leaderEpoch, leaderId, votedId }) => {
        const key = `${id}@${leaderEpoch}`
        assert.ok((epochs.get(id) ?? 0) <= leaderEpoch, `R3: node ${id}, epoch ${leaderEpoch}`)
        epochs.set(id, leaderEpoch)
        if (votedId >= 0) {
          assert.is(votes.get(key) ?? `${votedId}`, `${votedId}`, `R2: votes of ${key}`)
          votes.set(key, `${votedId}`)
        } else {
          assert.not(votes.has(key), `R2: ${key} forgot its vote`)
        }
        if (leaderId >= 0) {
          assert.is(named.get(key) ?? leaderId, leaderId, `R4: leaders of ${key}`)
          named.set(key, leaderId)
        }
      }
    }
  }

  function checkLeader(node: Node): void {
    const led = node.quorum?.rpc.leadership()
    if (led === undefined) return
    const who = `${node.id}/${node.incarnation}`
    const { epoch } = led
    const isNew = !leaders.has(epoch)
    assert.is(leaders.get(epoch) ?? who, who, `R1: leaders of epoch ${epoch}`)
    leaders.set(epoch, who)
    const own = led.highWatermark()
    assert.ok(own === -1 || own > led.epochStartOffset, `R9: ${who} commits what others appended`)
    if (!isNew) return
    const mine = entries(node)
    const start = node.disk.log.startOffset()
    for (const [offset, entry] of committed) {
      if (offset < start || entry.epoch >= epoch) continue
      assert.equal(mine.get(offset), entry, `R7: leader ${who} of ${epoch} lacks ${offset}`)
    }
  }

  const entries = ({ disk }: Node) =>
    new Map<number, Entry>(
      disk.allBatches().map(({ base, epoch, bytes }) => [base, { epoch, hash: hashOf(bytes) }]),
    )

  function checkChain(node: Node): void {
    const { disk, id } = node
    const signature = `${disk.log.startOffset()} ${disk.log.endOffset()} ${disk.log.latestEpoch()}`
    if (checkedLogs.get(id) === signature || disk.log.startOffset() > 0) return
    checkedLogs.set(id, signature)
    let chain = ''
    for (const { base, epoch, bytes } of disk.allBatches()) {
      chain = hashOf(Buffer.from(chain), bytes)
      const key = `${base}@${epoch}`
      assert.is(chains.get(key) ?? chain, chain, `R5: node ${id} differs at or before ${key}`)
      chains.set(key, chain)
    }
  }

  function checkHighWatermark(world: World, node: Node): void {
    if (node.quorum === undefined) return
    const key = `${node.id}/${node.incarnation}`
    const highWatermark = node.quorum.highWatermark()
    const before = highWatermarks.get(key) ?? -1
    assert.ok(highWatermark >= before, `R9: ${key} went from ${before} to ${highWatermark}`)
    highWatermarks.set(key, highWatermark)
    const led = node.quorum.rpc.leadership()
    if (led === undefined || highWatermark <= committedEnd || led.highWatermark() < 0) return
    for (const { base, last, epoch, bytes } of node.disk.allBatches()) {
      if (base < committedEnd || last >= highWatermark) continue
      const hash = hashOf(bytes)
      const voters = node.quorum.voters().map(({ id }) => world.node(id))
      const holders = voters.filter(
        ({ disk }) =>
          disk.log.startOffset() > base ||
          disk.durableBatches().some((each) => each.base === base && hashOf(each.bytes) === hash),
      )
      assert.ok(holders.length * 2 > voters.length, `R9: ${base} is not on a majority`)
      committed.set(base, { epoch, hash })
    }
    committedEnd = highWatermark
  }

  return {
    check(world: World): void {
      if (!isWatching) watchVotes(world)
      for (const node of world.nodes.values()) {
        assert.is(node.halted, undefined, `node ${node.id} halted: ${node.halted}`)
        checkLeader(node)
        checkChain(node)
        checkHighWatermark(world, node)
      }
    },
    committedEnd: () => committedEnd,
    epochs: () => leaders.size,
  }
}

function hashOf(...parts: Buffer[]): string {
  const hash = createHash('sha1')
  for (const part of parts) hash.update(part)
  return hash.digest('base64')
}
