/**
 * Dynamic configurations of brokers (KIP-226): which may be set, for one broker or for all.
 *
 * Refusals are INVALID_REQUEST, unlike those of topics. Unknown names pass: plug-ins may know them.
 */
import { KafkaError, refuse } from '../../transport/protocol/errors.ts'
import { brokerConfigDefinition, type Definition } from './definitions.ts'
import { checkedValue } from './validation.ts'

function checked(definition: Definition, text: string): void {
  try {
    checkedValue(definition, text)
  } catch (error) {
    throw error instanceof KafkaError ? new KafkaError('INVALID_REQUEST', error.message) : error
  }
}

/**
 * @param values all that the resource would have set
 * @param clusterWide for all brokers (resource name '') instead of one
 * @throws KafkaError INVALID_REQUEST
 */
export function validateBrokerConfigs(
  values: ReadonlyMap<string, string>,
  clusterWide: boolean,
): void {
  const definitions = [...values.keys()].flatMap((name) => brokerConfigDefinition(name) ?? [])
  const names = (modes: Definition['mode'][]) =>
    definitions.filter(({ mode }) => modes.includes(mode)).map(({ name }) => name)
  const fixed = names(['read-only', 'internal'])
  if (fixed.length > 0) {
    refuse('INVALID_REQUEST', `Cannot update these configs dynamically: [${fixed.join(', ')}]`)
  }
  const single = clusterWide ? names(['per-broker']) : []
  if (single.length > 0) {
    refuse('INVALID_REQUEST', `[${single.join(', ')}] can be set for one broker only; name its id`)
  }
  for (const definition of definitions) checked(definition, values.get(definition.name)!)
}
