/**
 * DescribeConfigs v1-4, answered by any node from its image (KIP-226, 569).
 *
 * - Topics, groups and the cluster-wide defaults by everybody; a node's own configuration by itself
 *   alone, others are INVALID_REQUEST.
 * - Loggers have no levels of their own here: their resource is INVALID_REQUEST.
 * - Documentation is not kept: null.
 */
import type { Request, Response } from '../../transport/protocol/api.ts'
import { errorCodes, KafkaError, refuse } from '../../transport/protocol/errors.ts'
import { DescribeConfigs } from '../../transport/schemas/32-describe-configs.ts'
import type { LayeredConfig } from '../config/config.ts'
import {
  type DescribedConfig,
  describeBrokerConfigs,
  describeClientMetrics,
  describeClusterConfigs,
  describeGroupConfigs,
  describeTopicConfigs,
} from '../config/describe.ts'
import { resourceTypes } from '../metadata/apply.ts'
import type { MetadataImage } from '../metadata/image.ts'
import { type Handler, handler } from './handler.ts'
import { isValidTopicName } from './topic-metadata.ts'

type Host = {
  readonly nodeId: number
  readonly config: LayeredConfig
  image(): MetadataImage
}
type Asked = Request<typeof DescribeConfigs>
type Resource = Asked['resources'][number]
type Result = Response<typeof DescribeConfigs>['results'][number]

export const describeConfigs = handler<typeof DescribeConfigs, Host>(
  DescribeConfigs,
  [1, 4],
  (request, _, host) => ({
    throttleTimeMs: 0,
    results: request.resources.map((resource) => described(request, resource, host)),
  }),
  ({ resources }, error, message) => ({
    throttleTimeMs: 0,
    results: resources.map((resource) => failure(resource, new KafkaError(error, message ?? ''))),
  }),
) satisfies Handler<Host>

function described({ includeSynonyms }: Asked, resource: Resource, host: Host): Result {
  const { resourceType, resourceName, configurationKeys: keys } = resource
  try {
    const configs = configsOf(host, resource)
      .filter(({ name }) => keys === null || keys.length === 0 || keys.includes(name))
      .map((config) => ({
        ...config,
        synonyms: includeSynonyms ? config.synonyms : [],
        documentation: null,
      }))
    return { errorCode: errorCodes.NONE, errorMessage: null, resourceType, resourceName, configs }
  } catch (error) {
    if (error instanceof KafkaError) return failure(resource, error)
    throw error
  }
}

const failure = ({ resourceType, resourceName }: Resource, error: KafkaError): Result => ({
  errorCode: errorCodes[error.code],
  errorMessage: error.message,
  resourceType,
  resourceName,
  configs: [],
})

function configsOf(host: Host, { resourceType, resourceName: name }: Resource): DescribedConfig[] {
  const image = host.image()
  const type =
    resourceTypes.get(resourceType) ??
    refuse('INVALID_REQUEST', `resources of type ${resourceType} cannot be described here`)
  switch (type) {
    case 'topic':
      if (!isValidTopicName(name)) {
        refuse('INVALID_TOPIC_EXCEPTION', `'${name}' names no topic`)
      }
      if (image.topicByName(name) === undefined) {
        refuse('UNKNOWN_TOPIC_OR_PARTITION', `there is no topic '${name}'`)
      }
      return describeTopicConfigs(host.config, image.configs({ type, name }))
    case 'broker':
      if (name === '') return describeClusterConfigs(image.configs({ type, name }))
      if (name !== `${host.nodeId}`) {
        refuse('INVALID_REQUEST', `node ${host.nodeId} tells of itself only, not of '${name}'`)
      }
      return describeBrokerConfigs(host.config)
    case 'group':
      if (name === '') refuse('INVALID_REQUEST', 'a group has a name')
      return describeGroupConfigs(host.config, image.configs({ type, name }))
    case 'client-metrics':
      if (name === '') refuse('INVALID_REQUEST', 'a subscription to client metrics has a name')
      return describeClientMetrics(image.configs({ type, name }))
  }
}
