/**
 * The feature levels that a new cluster begins with: of Kafka's only those that are built.
 *
 * Kafka finalizes more (groups of KIP-848, eligible leader replicas, transactions, share groups,
 * streams groups); each level changes what clients do, so none is promised before it works.
 */
import type { MetadataRecord } from '../../transport/records/metadata.ts'
import { UserError } from '../config/user-error.ts'

const METADATA_VERSION = 30
/** `kraft.version` stands in the voters' checkpoint, not among the records. */
const built: Record<string, number> = { 'metadata.version': METADATA_VERSION, 'kraft.version': 1 }

/** @param features `name=level`, as `--feature` has them */
export function bootstrapRecords(
  releaseVersion: string | undefined,
  features: string[],
): MetadataRecord[] {
  if (releaseVersion !== undefined && !/^4\.3(\.0)?(-IV0)?$/.test(releaseVersion)) {
    throw new UserError(`--release-version ${releaseVersion}: only 4.3-IV0 is built`)
  }
  for (const feature of features) {
    const [name = '', level] = feature.split('=')
    const only = built[name]
    if (only === undefined && level !== '0') {
      throw new UserError(`--feature ${feature}: ${name} is not built yet; leave it out`)
    }
    if (only !== undefined && Number(level) !== only) {
      throw new UserError(`--feature ${feature}: only level ${only} is built`)
    }
  }
  return [
    {
      type: 'FeatureLevelRecord',
      name: 'metadata.version',
      featureLevel: METADATA_VERSION,
    },
  ]
}
