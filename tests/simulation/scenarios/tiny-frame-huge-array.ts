import { ApiVersions } from '../../../transport/schemas/18-api-versions.ts'
import { quietScript, type Scenario, type Stage } from '../stage.ts'

const growthMax = 1024 * 1024

const int16 = (value: number) => [value >> 8, value].map((byte) => byte & 0xff)
const int32 = (value: number) => [value >> 24, value >> 16, value >> 8, value].map((b) => b & 0xff)
const huge = int32(0x7fff_ffff)
/** The same as a varint. */
const hugeCompact = [0xff, 0xff, 0xff, 0xff, 0x07]
const noString = int16(-1)
const first = [...int16(5), ...Buffer.from('first')]

/** Without a client id; in flexible versions without tagged fields. */
const frame = (key: number, version: number, isFlexible: boolean, ...body: number[][]) =>
  Buffer.from([
    ...int16(key),
    ...int16(version),
    ...int32(7),
    ...noString,
    ...(isFlexible ? [0] : []),
    ...body.flat(),
  ])

const produceHead = [...noString, ...int16(-1), ...int32(1_000)]
const fetchHead = [...int32(-1), ...int32(0), ...int32(1), ...int32(1_000), 0]
/** One batch with a length of -5. */
const negativeBatch = [...int32(0), ...int32(0), ...int32(-5), ...Array(49).fill(0)]

const frames: Record<string, Buffer> = {
  'Metadata: topics': frame(3, 1, false, huge),
  'Metadata v12: topics': frame(3, 12, true, hugeCompact),
  'Metadata: less than no topics': frame(3, 1, false, int32(-2)),
  'Produce: topics': frame(0, 3, false, produceHead, huge),
  'Produce: partitions': frame(0, 3, false, produceHead, int32(1), first, huge),
  'Produce: records': frame(0, 3, false, produceHead, int32(1), first, int32(1), int32(0), huge),
  'Fetch: topics': frame(1, 4, false, fetchHead, huge),
  'CreateTopics: topics': frame(19, 2, false, huge),
  'CreateTopics v7: topics': frame(19, 7, true, hugeCompact),
  'DeleteTopics: names': frame(20, 1, false, huge),
  'FindCoordinator v4: keys': frame(10, 4, true, [0], hugeCompact),
  'ApiVersions v3: a name': frame(18, 3, true, hugeCompact),
  'ApiVersions v3: tagged fields': frame(18, 3, true, [2, 97, 2, 97], hugeCompact),
  'a header that ends early': Buffer.from([0, 3]),
}

/** @returns by how much memory grew at most in one step, until the connection was closed */
async function closes(stage: Stage, address: string, bytes: Buffer): Promise<number> {
  let isOpen = true
  let growth = 0
  let before = process.memoryUsage()
  stage.scheduler.onStep(() => {
    if (!isOpen) return
    const now = process.memoryUsage()
    const by = now.heapUsed + now.external - before.heapUsed - before.external
    growth = Math.max(growth, by)
    before = now
  })
  const socket = stage.cluster.sockets.connect(address, {
    opened: () => socket.send(bytes),
    frame: () => {
      isOpen = false
    },
    closed: () => {
      isOpen = false
    },
  })
  await stage.until('W2', 'it is closed, or told', 2_000, () => !isOpen)
  return growth
}

export const scenario: Scenario = {
  lesson:
    'KAFKA-14063, W1, W2: twenty bytes that declare 2^31-1 elements, or fewer than none, and a batch ' +
    'of negative length: each ends its own connection, at next to no cost, and disturbs nobody.',
  script: quietScript(45),
  async play(stage) {
    const { address, end } = stage.node('leader of first-0')
    const other = stage.client('other')
    const sending = stage.keepSending(100)
    for (const [what, bytes] of Object.entries(frames)) {
      const growth = await closes(stage, address, bytes)
      stage.require(growth < growthMax, 'it takes no memory', { what, growth })
    }
    const produce = [int32(1), first, int32(1), int32(0), int32(negativeBatch.length)]
    const growth = await closes(
      stage,
      address,
      frame(0, 3, false, produceHead, ...produce, negativeBatch),
    )
    stage.require(growth < growthMax, 'a batch of negative length takes no memory', { growth })
    const asked = other.request(address, ApiVersions, 3, {
      clientSoftwareName: 'other',
      clientSoftwareVersion: '1',
    })
    const { errorCode } = await stage.within(2_000, 'others are served', asked)
    stage.require(errorCode === 0, 'as ever', { errorCode })
    const before = sending.acked()
    await stage.pass(1_000)
    sending.stop()
    stage.require(sending.acked() >= before + 8, 'records are taken', { acked: sending.acked() })
    stage.require(stage.node('leader of first-0').end === end, 'nobody ended', {})
  },
}
