/** Answers that nobody reads: bounded over all connections, whoever asks (W5). */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { createUnread } from '../../actors/connection/unread.ts'
import { fakeClock } from '../support/clock.ts'
import { type Line, loggedTo } from './support.ts'

function world() {
  const clock = fakeClock()
  const lines: Line[] = []
  const unread = createUnread({ clock, log: loggedTo(lines), bytesMax: () => 1_000 })
  const closed: string[] = []
  const reader = (id: string) => {
    const of = {
      id,
      pending: 0,
      pendingBytes: () => of.pending,
      destroy: () => void closed.push(id),
      take(bytes: number) {
        of.pending += bytes
        unread.wrote(bytes)
      },
    }
    unread.opened(of)
    return of
  }
  return { clock, lines, unread, closed, reader }
}

test('what is unread leaves less for others; what was read leaves it again', async () => {
  const { clock, unread, reader } = world()
  const [slow, quick] = [reader('slow'), reader('quick')]
  slow.take(300)
  assert.is(unread.bytesLeft(), 700)
  for (let i = 0; i < 50; i++) {
    quick.take(400)
    quick.pending = 0
    unread.drained(quick)
    await clock.advance(20)
    assert.ok(unread.bytesLeft() >= 300)
  }
  slow.take(900)
  assert.is(unread.bytesLeft(), 0)
  await clock.advance(20)
  assert.is(unread.bytesLeft(), 0)
  slow.pending = 100
  await clock.advance(20)
  assert.is(unread.bytesLeft(), 900)
  unread.closed(slow)
})

test('who has read nothing for long is hung up on, the greediest first, when there is no room', async () => {
  const { clock, unread, reader, closed, lines } = world()
  const [small, large, fresh] = [reader('small'), reader('large'), reader('fresh')]
  small.take(200)
  large.take(900)
  assert.is(unread.bytesLeft(), 0)
  await clock.advance(9_000)
  fresh.take(1_500)
  assert.is(unread.bytesLeft(), 0)
  assert.equal(closed, [])
  fresh.pending = 100
  await clock.advance(1_000)
  assert.is(unread.bytesLeft(), 700)
  assert.equal(closed, ['large'])
  assert.is(lines.length, 1)
  await clock.advance(60_000)
  assert.is(unread.bytesLeft(), 700, 'where there is room nobody is disturbed')
  assert.equal(closed, ['large'])
})

test.run()
