import { api } from '../protocol/api.ts'
import { array, boolean, int16, int32, nullable, string, uint16, uuid } from '../protocol/schema.ts'

/** A controller tells the active one its endpoints and the features it supports (KIP-919). */
export const ControllerRegistration = api(
  {
    key: 70,
    name: 'ControllerRegistration',
    versions: [0, 0],
    flexible: 0,
    listeners: ['controller'],
  },
  {
    controllerId: int32,
    incarnationId: uuid,
    zkMigrationReady: boolean,
    listeners: array({
      name: string,
      host: string,
      port: uint16,
      securityProtocol: int16,
    }),
    features: array({
      name: string,
      minSupportedVersion: int16,
      maxSupportedVersion: int16,
    }),
  },
  {
    throttleTimeMs: int32,
    errorCode: int16,
    errorMessage: nullable(string),
  },
)
