import { api } from '../protocol/api.ts'
import { array, boolean, int8, int16, int32, string, uuid } from '../protocol/schema.ts'

/** A client asks which metrics it should push (KIP-714). */
export const GetTelemetrySubscriptions = api(
  {
    key: 71,
    name: 'GetTelemetrySubscriptions',
    versions: [0, 0],
    flexible: 0,
    listeners: ['broker'],
  },
  {
    clientInstanceId: uuid,
  },
  {
    throttleTimeMs: int32,
    errorCode: int16,
    clientInstanceId: uuid,
    subscriptionId: int32,
    acceptedCompressionTypes: array(int8),
    pushIntervalMs: int32,
    telemetryMaxBytes: int32,
    deltaTemporality: boolean,
    requestedMetrics: array(string),
  },
)
