/**
 * ListConfigResources v0-1: what DescribeConfigs can be asked of, from the image (KIP-1142).
 *
 * v0 knows client metrics only; v1 names the types it wants, none meaning all.
 */
import { errorCodes, refuse } from '../../transport/protocol/errors.ts'
import { ListConfigResources } from '../../transport/schemas/74-list-config-resources.ts'
import type { DataBroker } from '../broker/types.ts'
import type { ConfigResource, MetadataImage } from '../metadata/image.ts'
import { handler } from './handler.ts'

const TOPIC = 2
const BROKER = 4
const BROKER_LOGGER = 8
const CLIENT_METRICS = 16
const GROUP = 32
const all = [TOPIC, BROKER, BROKER_LOGGER, CLIENT_METRICS, GROUP]

export const listConfigResources = handler<typeof ListConfigResources, DataBroker>(
  ListConfigResources,
  [0, 1],
  ({ resourceTypes }, { apiVersion }, host) => {
    const asked = resourceTypes.length > 0 ? resourceTypes : all
    const wanted = new Set(apiVersion === 0 ? [CLIENT_METRICS] : asked)
    for (const type of wanted) {
      if (!all.includes(type)) refuse('UNSUPPORTED_VERSION', `config resources of type ${type}`)
    }
    return {
      throttleTimeMs: 0,
      errorCode: errorCodes.NONE,
      configResources: [...wanted].flatMap((resourceType) =>
        namesOf(resourceType, host.image()).map((resourceName) => ({ resourceName, resourceType })),
      ),
    }
  },
  (_, error) => ({ throttleTimeMs: 0, errorCode: errorCodes[error], configResources: [] }),
)

function namesOf(type: number, image: MetadataImage): string[] {
  if (type === TOPIC) return Array.from(image.topics(), ({ name }) => name)
  if (type === BROKER || type === BROKER_LOGGER) return [...image.brokers().keys()].map(String)
  return configured(image, type === GROUP ? 'group' : 'client-metrics')
}

const configured = (image: MetadataImage, wanted: ConfigResource['type']): string[] =>
  Array.from(image.configResources())
    .filter(({ type }) => type === wanted)
    .map(({ name }) => name)
