/**
 * ApiVersions v0-4: what this listener answers, and which features the cluster supports and uses
 * (KIP-35, 511, 584).
 *
 * - Advertised is what stands in the listener's handler table, in the handler's versions.
 * - Produce is advertised from v0 though only v3-13 are answered: clients that do not find v0 take
 *   the broker for one they cannot talk to (KIP-896).
 * - An unknown version is answered in v0, with the error and the versions of ApiVersions alone.
 * - Up to v3 a supported range that begins at 0 is left out: those clients cannot hold it.
 */
import type { Response } from '../../transport/protocol/api.ts'
import { type ErrorName, errorCodes } from '../../transport/protocol/errors.ts'
import { ApiVersions } from '../../transport/schemas/18-api-versions.ts'
import type { MetadataImage } from '../metadata/image.ts'
import { type Handler, handler } from './handler.ts'

export type SupportedFeature = { name: string; minVersion: number; maxVersion: number }
export type FinalizedFeature = { name: string; minVersionLevel: number; maxVersionLevel: number }

/** What the host of a listener knows of features; levels of 0 are not told. */
export type Features = {
  supportedFeatures(): SupportedFeature[]
  /** `epoch` is the metadata offset they are of; -1 while none is known. */
  finalizedFeatures(): { epoch: number; features: FinalizedFeature[] }
}

/** Levels as the metadata log has them, and the one that the quorum keeps for itself. */
export function finalizedFeatures(image: MetadataImage, kraftVersion: number) {
  const levels: [string, number][] = [...image.features(), ['kraft.version', kraftVersion]]
  const features = levels.map(([name, level]) => ({
    name,
    minVersionLevel: level,
    maxVersionLevel: level,
  }))
  return { epoch: image.offset, features }
}

type Answer = Response<typeof ApiVersions>

const versions = [0, 4] as const
const produceKey = 0
const clientSoftware = /^[a-zA-Z0-9](?:[a-zA-Z0-9\-.]*[a-zA-Z0-9])?$/

/** @param table the handlers of the listener, this one included; asked with each request */
export function apiVersions<Host extends Features>(
  table: () => Iterable<Handler<Host>>,
): Handler<Host> {
  return handler<typeof ApiVersions, Host>(
    ApiVersions,
    versions,
    (request, asker, host) => {
      const { clientSoftwareName: name, clientSoftwareVersion: version } = request
      const named =
        asker.apiVersion < 3 || (clientSoftware.test(name) && clientSoftware.test(version))
      if (!named) return refusal('INVALID_REQUEST', [])
      const { epoch, features } = host.finalizedFeatures()
      return {
        errorCode: errorCodes.NONE,
        apiKeys: advertised(table()),
        throttleTimeMs: 0,
        supportedFeatures: host
          .supportedFeatures()
          .filter(({ minVersion }) => asker.apiVersion >= 4 || minVersion > 0),
        finalizedFeaturesEpoch: epoch,
        finalizedFeatures: features.filter(({ maxVersionLevel }) => maxVersionLevel > 0),
        zkMigrationReady: false,
      }
    },
    (_, error) => refusal(error, []),
  )
}

/** The answer, in v0, to a version that is not offered. */
export const unsupportedApiVersions = (): Answer =>
  refusal('UNSUPPORTED_VERSION', [
    { apiKey: ApiVersions.key, minVersion: versions[0], maxVersion: versions[1] },
  ])

function advertised(table: Iterable<Handler<never>>): Answer['apiKeys'] {
  return Array.from(table, ({ api: { key }, versions: [minVersion, maxVersion] }) => ({
    apiKey: key,
    minVersion: key === produceKey ? 0 : minVersion,
    maxVersion,
  })).sort((a, b) => a.apiKey - b.apiKey)
}

const refusal = (error: ErrorName, apiKeys: Answer['apiKeys']): Answer => ({
  errorCode: errorCodes[error],
  apiKeys,
  throttleTimeMs: 0,
  supportedFeatures: [],
  finalizedFeaturesEpoch: -1,
  finalizedFeatures: [],
  zkMigrationReady: false,
})
