import { api } from '../protocol/api.ts'
import { boolean, bytes, int8, int16, int32, uuid } from '../protocol/schema.ts'

/** A client pushes its metrics (KIP-714). */
export const PushTelemetry = api(
  { key: 72, name: 'PushTelemetry', versions: [0, 0], flexible: 0, listeners: ['broker'] },
  {
    clientInstanceId: uuid,
    subscriptionId: int32,
    terminating: boolean,
    compressionType: int8,
    metrics: bytes,
  },
  {
    throttleTimeMs: int32,
    errorCode: int16,
  },
)
