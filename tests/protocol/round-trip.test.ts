/**
 * Every declared message, in every version: the compiled codec writes the bytes that the
 * interpreter writes, and reads back what was written.
 */
import fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { decoder, encoder } from '../../transport/protocol/codec.ts'
import { messages } from './arbitrary.ts'
import { declared } from './declared.ts'
import { interpretedDecode, interpretedEncode, same } from './interpreter.ts'

const MESSAGES_EACH = 8

test('compiled and interpreted codec agree on every message in every version', () => {
  assert.ok(declared.length > 700, 'all APIs and record types are walked')
  for (const { codec, struct, version, flexible, title } of declared) {
    fc.assert(
      fc.property(messages(struct, version), (message) => {
        const bytes = Buffer.concat(encoder(codec, version)(message))
        const expected = interpretedEncode(struct, { version, flexible }, message)
        assert.equal(bytes.toString('hex'), expected.toString('hex'), title)
        const back = decoder(codec, version)(bytes, 0)
        assert.ok(same(back, message), `${title} reads back what it wrote`)
        assert.ok(same(interpretedDecode(struct, { version, flexible }, bytes), message), title)
      }),
      { numRuns: MESSAGES_EACH },
    )
  }
})

test.run()
