/** Removed trees leave the disk one by one: syncs share its threads. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { Disk } from '../../runtime/disk/disk.ts'
import { createDeletions } from '../../runtime/storage/deletions.ts'
import { fakeClock } from '../support/clock.ts'

function slowDisk(clock: ReturnType<typeof fakeClock>) {
  const removed: string[] = []
  let busy = 0
  let most = 0
  const removeTree = async (path: string): Promise<void> => {
    most = Math.max(most, ++busy)
    await new Promise<void>((resolve) => void clock.setTimeout(resolve, 10))
    busy--
    if (path === 'offline') throw new Error('the directory failed')
    removed.push(path)
  }
  return { disk: { removeTree } as Disk, removed, most: () => most }
}

test('a thousand folders that are due at once are removed one after the other', async () => {
  const clock = fakeClock()
  const { disk, removed, most } = slowDisk(clock)
  const deletions = createDeletions(clock)
  const paths = Array.from({ length: 1_000 }, (_, index) => `folder-${index}`)
  for (const path of paths) deletions.later(disk, [path], 50)
  while (removed.length < paths.length) await clock.advance(10)
  assert.equal(removed, paths)
  assert.is(most(), 1)
})

test('a directory that fails keeps nobody else’s folders', async () => {
  const clock = fakeClock()
  const { disk, removed } = slowDisk(clock)
  const deletions = createDeletions(clock)
  deletions.later(disk, ['offline'], 0)
  deletions.later(disk, ['folder'], 0)
  await clock.advance(100)
  assert.equal(removed, ['folder'])
})

test('what waits its turn when the node stops is left', async () => {
  const clock = fakeClock()
  const { disk, removed } = slowDisk(clock)
  const deletions = createDeletions(clock)
  for (const path of ['first', 'second', 'third']) deletions.later(disk, [path], 0)
  await clock.advance(12)
  deletions.stop()
  await clock.advance(1_000)
  assert.equal(removed.includes('third'), false)
})

test.run()
