/**
 * Finalized feature levels changed by request (KIP-584, 778): all of a request or nothing, and only to
 * levels that every registered broker and controller supports.
 */
import type { Request } from '../../transport/protocol/api.ts'
import { refuse } from '../../transport/protocol/errors.ts'
import type { MetadataRecord } from '../../transport/records/metadata.ts'
import type { UpdateFeatures } from '../../transport/schemas/57-update-features.ts'
import type { SupportedFeature } from '../apis/18-api-versions.ts'
import type { Cluster, Decision } from './cluster.ts'

type Update = Request<typeof UpdateFeatures>['featureUpdates'][number]

const upgrade = 1
const safeDowngrade = 2
const unsafeDowngrade = 3
const metadataVersion = 'metadata.version'
/** The quorum's own: no metadata record tells it. */
const kraftVersion = 'kraft.version'

/** @throws KafkaError INVALID_REQUEST, INVALID_UPDATE_VERSION */
export function updateFeatures(
  cluster: Cluster,
  { featureUpdates, validateOnly }: Request<typeof UpdateFeatures>,
  supported: readonly SupportedFeature[],
  apiVersion: number,
): Decision<undefined> {
  const names = new Set(featureUpdates.map(({ feature }) => feature))
  if (names.size < featureUpdates.length) refuse('INVALID_REQUEST', 'a feature is named twice')
  const records = featureUpdates.flatMap((update) => {
    const mayFall = apiVersion === 0 ? update.allowDowngrade : update.upgradeType !== upgrade
    return updated(cluster, update, supported, mayFall)
  })
  return { records: validateOnly ? [] : records, answer: undefined }
}

function updated(
  { image }: Cluster,
  { feature: name, maxVersionLevel: level, upgradeType }: Update,
  supported: readonly SupportedFeature[],
  mayFall: boolean,
): MetadataRecord[] {
  const invalid = (why: string): never => refuse('INVALID_UPDATE_VERSION', `${name}: ${why}`)
  if (![upgrade, safeDowngrade, unsafeDowngrade].includes(upgradeType)) {
    refuse('INVALID_REQUEST', `upgrade type ${upgradeType} is unknown`)
  }
  const ours = supported.find((feature) => feature.name === name)
  if (ours === undefined || name === kraftVersion) {
    return invalid('this controller does not know it, or cannot change it')
  }
  if (level !== 0 && (level < ours.minVersion || level > ours.maxVersion)) {
    invalid(`level ${level} is outside ${ours.minVersion} to ${ours.maxVersion}`)
  }
  const before = image.features().get(name) ?? 0
  if (level === before) return []
  if (level < before && !mayFall) invalid(`level ${before} is only lowered by a downgrade`)
  if (name === metadataVersion && level < before) invalid('it cannot be lowered')
  for (const [kind, nodes] of [
    ['broker', image.brokers()],
    ['controller', image.controllers()],
  ] as const) {
    for (const { id, features } of nodes.values()) {
      const theirs = features.find((feature) => feature.name === name) ?? { min: 0, max: 0 }
      if (level !== 0 && (level < theirs.min || level > theirs.max)) {
        invalid(`${kind} ${id} supports ${theirs.min} to ${theirs.max}, not ${level}`)
      }
    }
  }
  return [{ type: 'FeatureLevelRecord', name, featureLevel: level }]
}
