/** The image is what its records say, forwards, backwards, and after a snapshot. */
import fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { ApplyError } from '../../actors/metadata/apply.ts'
import { createImage, type MutableImage } from '../../actors/metadata/create-image.ts'
import { imageHash, toRecords } from '../../actors/metadata/snapshot.ts'
import type { MetadataRecord } from '../../transport/records/metadata.ts'
import { choices, history } from './histories.ts'

function replay(image: MutableImage, batches: readonly MetadataRecord[][]): void {
  for (const batch of batches) {
    for (const record of batch) image.apply(record)
    image.advance(image.offset + batch.length, 1, 0)
    image.settle()
  }
}

const bytes = (records: Iterable<MetadataRecord[]>) => JSON.stringify([...records].flat())

test('M2: loading a snapshot equals replaying to it, and writes the same bytes again', () => {
  fc.assert(
    fc.property(choices(120), (of) => {
      const replayed = createImage()
      replay(replayed, history(of))
      const snapshot = [...toRecords(replayed)]
      const loaded = createImage()
      for (const slice of snapshot) for (const record of slice) loaded.apply(record)
      assert.is(imageHash(loaded), imageHash(replayed))
      assert.is(bytes(toRecords(loaded)), bytes(snapshot))
    }),
    { numRuns: 150 },
  )
})

test('M4: taking back what is uncommitted leaves the committed image, indexes included', () => {
  fc.assert(
    fc.property(choices(120), fc.nat(100), fc.nat(100), (of, at, behind) => {
      const batches = history(of)
      const split = Math.floor((batches.length * at) / 101)
      const committed = split + Math.floor(((batches.length - split) * behind) / 101)
      const image = createImage()
      replay(image, batches.slice(0, split))
      image.openJournal()
      replay(image, batches.slice(split))
      const expected = createImage()
      replay(expected, batches.slice(0, committed))
      image.commitJournal(expected.offset)
      image.revertJournal()
      assert.is(imageHash(image), imageHash(expected))
      assert.is(image.offset, expected.offset)
      assert.equal(indexes(image), indexes(expected))
      replay(image, batches.slice(committed))
      replay(expected, batches.slice(committed))
      assert.is(imageHash(image), imageHash(expected))
    }),
    { numRuns: 200 },
  )
})

test('a snapshot shows the moment it began, whatever is applied between its slices', () => {
  fc.assert(
    fc.property(choices(120), fc.nat(100), (of, at) => {
      const batches = history(of)
      const split = Math.floor((batches.length * at) / 101)
      const image = createImage()
      replay(image, batches.slice(0, split))
      const expected = bytes(toRecords(image))
      const slices = toRecords(image)
      replay(image, batches.slice(split))
      assert.is(bytes(slices), expected)
    }),
    { numRuns: 150 },
  )
})

test('the indexes equal a scan', () => {
  fc.assert(
    fc.property(choices(150), (of) => {
      const image = createImage()
      replay(image, history(of))
      const all = [...image.topics()].flatMap((topic) =>
        Array.from({ length: topic.partitionCount() }, (_, i) => ({
          name: topic.name,
          ...topic.partition(i)!,
        })),
      )
      const scan = (holds: (p: (typeof all)[number]) => boolean) =>
        all
          .filter(holds)
          .map((p) => `${p.name}-${p.partition}`)
          .sort()
      const { isr, led, moving } = indexes(image)
      for (const id of [1, 2, 3, 4, 5]) {
        assert.equal(
          isr[id],
          scan((p) => p.isr.includes(id)),
        )
        assert.equal(
          led[id],
          scan((p) => p.leader === id),
        )
        assert.is(image.leaderships(id), led[id]!.length)
      }
      assert.equal(
        led[0],
        scan((p) => p.leader === -1),
      )
      assert.equal(
        moving,
        scan((p) => p.addingReplicas.length + p.removingReplicas.length > 0),
      )
      assert.is(image.partitionCount(), all.length)
    }),
    { numRuns: 150 },
  )
})

function indexes(image: MutableImage) {
  const named = (refs: { topicName: string; partition: { partition: number } }[]) =>
    refs.map(({ topicName, partition }) => `${topicName}-${partition.partition}`).sort()
  return {
    isr: [0, 1, 2, 3, 4, 5].map((id) => named(image.partitionsWithIsrMember(id))),
    led: [-1, 1, 2, 3, 4, 5].map((id) => named(image.partitionsLedBy(id))),
    moving: named(image.partitionsInReassignment()),
    like: ['a_b', 'x_y_z'].map((name) => [...image.topicsLike(name)].sort()),
  }
}

test('a record that refers to what is not there is a fault', () => {
  const image = createImage()
  const faults: MetadataRecord[] = [
    { type: 'RemoveTopicRecord', topicId: 'A'.repeat(22) },
    { type: 'UnregisterBrokerRecord', brokerId: 1, brokerEpoch: 7 },
    { type: 'RemoveAccessControlEntryRecord', id: 'A'.repeat(22) },
    { type: 'EndTransactionRecord' },
    { type: 'FutureRecord' } as unknown as MetadataRecord,
  ]
  for (const record of faults) {
    assert.throws(
      () => image.apply(record),
      (why: unknown) => why instanceof ApplyError,
    )
  }
})

test('equal replica lists are one list', () => {
  const image = createImage()
  const [batch] = history([{ kind: 2, a: 0, b: 0, c: 3 }])
  replay(image, [batch!])
  const topic = image.topicByName('plain')!
  const lists = Array.from({ length: 4 }, (_, i) => topic.partition(i)!.replicas)
  assert.is(topic.partition(0)!.replicas, topic.partition(0)!.isr)
  assert.ok(Object.isFrozen(lists[0]))
})

test.run()
