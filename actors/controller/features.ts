/**
 * Finalized feature levels changed by request (KIP-584, 778): all of a request or nothing, and only to
 * levels that every registered broker and controller supports.
 */
import type { Request } from '../../transport/protocol/api.ts'
import { refuse } from '../../transport/protocol/errors.ts'
import type { MetadataRecord } from '../../transport/records/metadata.ts'
import type { UpdateFeatures } from '../../transport/schemas/57-update-features.ts'
import type { FinalizedFeature, SupportedFeature } from '../apis/18-api-versions.ts'
import type { Cluster, Decision } from './cluster.ts'

/** What this controller supports, and what is told of as finalized: the quorum's level, too. */
type Known = {
  supported: readonly SupportedFeature[]
  finalized: readonly FinalizedFeature[]
}

type Update = Request<typeof UpdateFeatures>['featureUpdates'][number]

const upgrade = 1
const safeDowngrade = 2
const unsafeDowngrade = 3
const metadataVersion = 'metadata.version'
/** The quorum's own: no metadata record tells it. */
const kraftVersion = 'kraft.version'

/** @throws KafkaError INVALID_UPDATE_VERSION */
export function updateFeatures(
  cluster: Cluster,
  { featureUpdates, validateOnly }: Request<typeof UpdateFeatures>,
  known: Known,
  apiVersion: number,
): Decision<undefined> {
  // Named twice, a feature goes to where it was named last.
  const updates = new Map(featureUpdates.map((update) => [update.feature, update]))
  const records = [...updates.values()].flatMap((update) => {
    const mayFall = apiVersion === 0 ? update.allowDowngrade : update.upgradeType !== upgrade
    return updated(cluster, update, known, mayFall)
  })
  return { records: validateOnly ? [] : records, answer: undefined }
}

function updated(
  { image }: Cluster,
  { feature: name, maxVersionLevel: level, upgradeType }: Update,
  { supported, finalized }: Known,
  mayFall: boolean,
): MetadataRecord[] {
  const invalid = (why: string): never => refuse('INVALID_UPDATE_VERSION', `${name}: ${why}`)
  if (![upgrade, safeDowngrade, unsafeDowngrade].includes(upgradeType)) {
    invalid(`upgrade type ${upgradeType} is unknown`)
  }
  if (name === kraftVersion) {
    const current = finalized.find((feature) => feature.name === name)?.maxVersionLevel ?? 0
    return level === current ? [] : invalid(`the quorum's level ${current} is not changed here`)
  }
  const ours = supported.find((feature) => feature.name === name)
  if (ours === undefined) return invalid('this controller does not know it')
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
