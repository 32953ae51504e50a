/**
 * Bytes of strangers: whatever arrives, a decoder ends with a message or with a Kafka error, and
 * makes nothing larger than what arrived justifies (W1, W2, W6).
 */
import fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import {
  api,
  decodeRequest,
  decodeResponse,
  encodeRequest,
  encodeResponse,
  framed,
  peekCorrelationId,
  peekRequestHeader,
} from '../../transport/protocol/api.ts'
import { decoder, encoder } from '../../transport/protocol/codec.ts'
import { DecodeError, KafkaError } from '../../transport/protocol/errors.ts'
import {
  array,
  bytes,
  int32,
  int64,
  LONG_MAX,
  millis,
  nullable,
  since,
  string,
  tagged,
  uuid,
} from '../../transport/protocol/schema.ts'
import { ApiVersions } from '../../transport/schemas/18-api-versions.ts'
import { BrokerHeartbeat } from '../../transport/schemas/63-broker-heartbeat.ts'
import { messages } from './arbitrary.ts'
import { declared } from './declared.ts'

const isDecodeError = (error: unknown) => error instanceof DecodeError

const onlyDecodeErrors = (decode: () => unknown, title: string): boolean => {
  try {
    decode()
    return true
  } catch (error) {
    if (isDecodeError(error)) return false
    throw new Error(`${title}: ${error}`, { cause: error })
  }
}

test('a message cut off anywhere is refused', () => {
  for (const { codec, struct, version, title } of declared) {
    const [message] = fc.sample(messages(struct, version), { numRuns: 1, seed: 4 })
    const whole = Buffer.concat(encoder(codec, version)(message))
    const step = Math.max(1, Math.floor(whole.length / 40))
    for (let length = 0; length < whole.length; length += step) {
      const cut = whole.subarray(0, length)
      assert.not(
        onlyDecodeErrors(() => decoder(codec, version)(cut, 0), title),
        title,
      )
    }
  }
})

test('a message with a byte too many is refused', () => {
  for (const { codec, struct, version, title } of declared) {
    const [message] = fc.sample(messages(struct, version), { numRuns: 1, seed: 5 })
    const long = Buffer.concat([...encoder(codec, version)(message), Buffer.from([0])])
    assert.not(
      onlyDecodeErrors(() => decoder(codec, version)(long, 0), title),
      title,
    )
  }
})

test('random bytes and flipped bytes end in a message or a DecodeError', () => {
  for (const { codec, struct, version, title } of declared) {
    const flips = fc.array(fc.tuple(fc.nat(), fc.constantFrom(0, 1, 0x7f, 0x80, 0xff)), {
      minLength: 1,
      maxLength: 4,
    })
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 80 }), (noise) => {
        onlyDecodeErrors(() => decoder(codec, version)(Buffer.from(noise), 0), title)
      }),
      { numRuns: 6 },
    )
    fc.assert(
      fc.property(messages(struct, version), flips, (message, changes) => {
        const whole = Buffer.from(Buffer.concat(encoder(codec, version)(message)))
        if (whole.length === 0) return
        for (const [at, byte] of changes) whole[at % whole.length] = byte
        onlyDecodeErrors(() => decoder(codec, version)(whole, 0), title)
      }),
      { numRuns: 4 },
    )
  }
})

const Probe = api(
  { key: 999, name: 'Probe', versions: [0, 1], flexible: 1, listeners: ['broker'] },
  {
    names: array(string),
    rows: nullable(array({ id: uuid, offset: int64 })),
    blob: bytes,
    leader: since(1, tagged(3, { id: int32, host: string }), { id: -1, host: '' }),
  },
  { timeMs: millis },
)
const decodeProbe = (version: number, ...parts: (number[] | string)[]) =>
  decoder(Probe.request, version)(
    Buffer.concat(
      parts.map((part) => (typeof part === 'string' ? Buffer.from(part) : Buffer.from(part))),
    ),
    0,
  )

test('a count that the bytes left cannot hold is refused before anything is made', () => {
  const huge = [0x7f, 0xff, 0xff, 0xff]
  assert.throws(() => decodeProbe(0, huge), /2147483647 elements in 0 bytes/)
  assert.throws(() => decodeProbe(0, [0, 0, 0, 0], [0, 0, 0, 2], Array(24).fill(0)), /2 elements/)
  assert.throws(() => decodeProbe(1, [0xff, 0xff, 0xff, 0xff, 0x0f]), /4294967294 elements/)
  assert.throws(() => decodeProbe(0, [0, 0, 0, 0], huge), /elements/)
})

test('lengths, nulls and varints that make no sense are refused', () => {
  assert.throws(() => decodeProbe(0, [0xff, 0xff, 0xff, 0xff]), /null where an array belongs/)
  assert.throws(() => decodeProbe(0, [0xff, 0xff, 0xff, 0xfe]), /length -2/)
  assert.throws(() => decodeProbe(0, [0, 0, 0, 1], [0xff, 0xff]), /null where a value belongs/)
  assert.throws(() => decodeProbe(0, [0, 0, 0, 1], [0, 9], 'short'), /9 bytes, 5 left/)
  assert.throws(() => decodeProbe(1, [0xff, 0xff, 0xff, 0xff, 0x1f]), /varint beyond 32 bits/)
  assert.throws(() => decodeProbe(1, [2], [0x81, 0x80, 0x02], 'x'), /a string of 32768 bytes/)
  assert.throws(
    () => decodeProbe(0, [0, 0, 0, 0], [0xff, 0xff, 0xff, 0xff], [0, 0, 0, 9]),
    /9 bytes/,
  )
})

test('tagged fields: unknown ones are passed over, false sizes are refused', () => {
  const body = [1, 0, 1] // no names, null rows, an empty blob
  const unset = { names: [], rows: null, blob: Buffer.alloc(0), leader: { id: -1, host: '' } }
  assert.equal(decodeProbe(1, body, [0]), unset)
  assert.equal(decodeProbe(1, body, [1, 77, 2, 9, 9]), unset)
  const leader = [0, 0, 0, 5, 2, 0x68, 0]
  const set = { ...unset, leader: { id: 5, host: 'h' } }
  assert.equal(decodeProbe(1, body, [1, 3, leader.length], leader), set)
  assert.throws(() => decodeProbe(1, body, [1, 3, leader.length - 1], leader), /another size/)
  assert.throws(() => decodeProbe(1, body, [1, 3, leader.length + 1], leader), /too few are left/)
  assert.throws(() => decodeProbe(1, body, [0xff, 0xff, 0xff, 0xff, 0x0f]), isDecodeError)
})

const int64Bytes = (value: bigint): Buffer => {
  const out = Buffer.alloc(8)
  out.writeBigInt64BE(value)
  return out
}

test('int64: offsets beyond 2^53 - 1 are refused but for Long.MAX_VALUE, times saturate', () => {
  const offset = (value: bigint) => {
    const row = Buffer.concat([Buffer.alloc(16), int64Bytes(value)])
    const whole = [[0, 0, 0, 0], [0, 0, 0, 1], [...row], [0, 0, 0, 0]]
    return (decodeProbe(0, ...whole) as { rows: { offset: number }[] }).rows[0]!.offset
  }
  assert.is(offset(2n ** 53n - 1n), LONG_MAX)
  assert.is(offset(2n ** 63n - 1n), LONG_MAX)
  assert.is(offset(-(2n ** 53n) + 1n), -LONG_MAX)
  for (const value of [2n ** 53n, 2n ** 63n - 2n, -(2n ** 53n), -(2n ** 63n)]) {
    assert.throws(() => offset(value), /beyond 2\^53/)
  }
  const time = (value: bigint) => decoder(Probe.response, 0)(int64Bytes(value), 0)
  assert.equal(time(2n ** 60n), { timeMs: LONG_MAX })
  assert.equal(time(-(2n ** 60n)), { timeMs: -LONG_MAX })
  const written = Buffer.concat(encoder(Probe.response, 0)({ timeMs: LONG_MAX }))
  assert.is(written.readBigInt64BE(), 2n ** 63n - 1n)
})

const heartbeat = {
  brokerId: 1,
  brokerEpoch: 2,
  currentMetadataOffset: 3,
  wantFence: false,
  wantShutDown: false,
  offlineLogDirs: [],
  cordonedLogDirs: null,
}
const asked = { correlationId: 7, clientId: 'me' }

test('a value that its field cannot carry is not written', () => {
  const write = (change: object) => () =>
    encodeRequest(BrokerHeartbeat, 2, asked, { ...heartbeat, ...change })
  assert.throws(write({ brokerId: 2 ** 31 }), /brokerId cannot be written: 2147483648/)
  assert.throws(write({ brokerId: 1.5 }), /brokerId/)
  assert.throws(write({ brokerEpoch: 2 ** 53 }), /brokerEpoch/)
  assert.throws(write({ wantFence: undefined }), /wantFence/)
  assert.throws(write({ offlineLogDirs: ['short'] }), /offlineLogDirs cannot be written: short/)
  assert.throws(write({ offlineLogDirs: [`${'A'.repeat(21)}B`] }), /offlineLogDirs/)
  const huge = { names: ['x'.repeat(40_000)], rows: null, blob: Buffer.alloc(0) }
  assert.throws(() => encoder(Probe.request, 0)({ ...huge, leader: { id: -1, host: '' } }), /names/)
})

test('after a message that could not be written the next one is whole', () => {
  const sound = Buffer.concat(encodeRequest(BrokerHeartbeat, 2, asked, heartbeat))
  for (let i = 0; i < 3_000; i++) {
    try {
      encodeRequest(BrokerHeartbeat, 2, asked, { ...heartbeat, wantShutDown: 1 as never })
    } catch {}
    const next = Buffer.concat(encodeRequest(BrokerHeartbeat, 2, asked, heartbeat))
    assert.equal(next, sound)
  }
})

test('a field that the version lacks must be unset, unless it is ignorable', () => {
  const cordoned = { ...heartbeat, cordonedLogDirs: [] }
  assert.throws(
    () => encodeRequest(BrokerHeartbeat, 1, asked, cordoned),
    (error: unknown) => error instanceof KafkaError && error.code === 'UNSUPPORTED_VERSION',
  )
  assert.throws(() => encodeRequest(BrokerHeartbeat, 3, asked, heartbeat), /has versions 0 to 2/)
})

test('a request goes out and comes in with its header', () => {
  const frame = Buffer.concat(encodeRequest(BrokerHeartbeat, 2, asked, heartbeat))
  const header = peekRequestHeader(frame)
  assert.is(header.apiKey, 63)
  assert.is(header.apiVersion, 2)
  assert.is(header.correlationId, 7)
  assert.is(header.clientId, 'me')
  assert.equal(decodeRequest(BrokerHeartbeat, header, frame), heartbeat)
  assert.equal(Buffer.concat(framed([frame])).readInt32BE(), frame.length)
  for (let length = 0; length < frame.length; length++) {
    const cut = frame.subarray(0, length)
    assert.throws(() => decodeRequest(BrokerHeartbeat, peekRequestHeader(cut), cut), isDecodeError)
  }
})

test('ApiVersions answers with a header that is never flexible', () => {
  const answer = {
    errorCode: 35,
    apiKeys: [],
    throttleTimeMs: 0,
    supportedFeatures: [],
    finalizedFeaturesEpoch: -1,
    finalizedFeatures: [],
    zkMigrationReady: false,
  }
  const frame = Buffer.concat(encodeResponse(ApiVersions, 3, 9, answer))
  assert.is(frame.toString('hex'), '00000009' + '0023' + '01' + '00000000' + '00')
  assert.is(peekCorrelationId(frame), 9)
  assert.equal(decodeResponse(ApiVersions, 3, frame), answer)
})

test.run()
