import { api } from '../protocol/api.ts'
import {
  array,
  boolean,
  ignorable,
  int8,
  int16,
  int32,
  nullable,
  since,
  string,
  until,
} from '../protocol/schema.ts'

/** Changes finalized feature levels of the cluster (KIP-584). */
export const UpdateFeatures = api(
  {
    key: 57,
    name: 'UpdateFeatures',
    versions: [0, 2],
    flexible: 0,
    listeners: ['broker', 'controller'],
  },
  {
    timeoutMs: int32,
    featureUpdates: array({
      feature: string,
      maxVersionLevel: int16,
      allowDowngrade: until(0, boolean),
      upgradeType: since(1, int8, 1),
    }),
    validateOnly: since(1, boolean),
  },
  {
    throttleTimeMs: int32,
    errorCode: int16,
    errorMessage: nullable(string),
    results: ignorable(
      until(
        1,
        array({
          feature: string,
          errorCode: int16,
          errorMessage: nullable(string),
        }),
      ),
    ),
  },
)
