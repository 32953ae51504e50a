import { api } from '../protocol/api.ts'
import {
  array,
  boolean,
  ignorable,
  int16,
  int32,
  int64,
  since,
  string,
  tagged,
} from '../protocol/schema.ts'

/**
 * Tells which APIs, in which versions, and which features a node offers (KIP-35, KIP-511,
 * KIP-584).
 */
export const ApiVersions = api(
  {
    key: 18,
    name: 'ApiVersions',
    versions: [0, 4],
    flexible: 3,
    listeners: ['broker', 'controller'],
  },
  {
    clientSoftwareName: ignorable(since(3, string)),
    clientSoftwareVersion: ignorable(since(3, string)),
  },
  {
    errorCode: int16,
    apiKeys: array({ apiKey: int16, minVersion: int16, maxVersion: int16 }),
    throttleTimeMs: ignorable(since(1, int32)),
    supportedFeatures: ignorable(
      since(3, tagged(0, array({ name: string, minVersion: int16, maxVersion: int16 }))),
    ),
    finalizedFeaturesEpoch: ignorable(since(3, tagged(1, int64), -1)),
    finalizedFeatures: ignorable(
      since(3, tagged(2, array({ name: string, maxVersionLevel: int16, minVersionLevel: int16 }))),
    ),
    zkMigrationReady: ignorable(since(3, tagged(3, boolean))),
  },
)
