/** Error codes: names and numbers are one to one, and an unknown number is what Kafka makes of it. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import {
  DecodeError,
  type ErrorName,
  errorCodes,
  errorName,
  isRetriable,
  KafkaError,
  refuse,
} from '../../transport/protocol/errors.ts'

test('every name has one code and every code its name, without a gap', () => {
  const names = Object.keys(errorCodes) as ErrorName[]
  const codes = names.map((name) => errorCodes[name])
  assert.equal(
    [...codes].sort((a, b) => a - b),
    Array.from({ length: 135 }, (_, index) => index - 1),
  )
  for (const name of names) assert.is(errorName(errorCodes[name]), name)
})

test('a code that 4.3 does not know is an unknown server error', () => {
  assert.is(errorName(9_999), 'UNKNOWN_SERVER_ERROR')
})

test('clients try again where Kafka lets them', () => {
  assert.ok(isRetriable('NOT_LEADER_OR_FOLLOWER'))
  assert.ok(isRetriable('CORRUPT_MESSAGE'))
  assert.not(isRetriable('INVALID_REQUEST'))
  assert.not(isRetriable('NONE'))
})

test('a refusal carries its code and its words; undecodable bytes are an INVALID_REQUEST', () => {
  const isStale = (error: unknown) =>
    error instanceof KafkaError &&
    error.code === 'STALE_BROKER_EPOCH' &&
    error.message === 'broker 3: epoch 4, not 5'
  assert.throws(() => refuse('STALE_BROKER_EPOCH', 'broker 3: epoch 4, not 5'), isStale)
  assert.is(new DecodeError('too short').code, 'INVALID_REQUEST')
})

test.run()
