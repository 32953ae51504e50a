/**
 * A configuration out of layers: dynamic values of this broker, dynamic values of all brokers, the
 * node's properties, Kafka's defaults. Values are parsed when first asked for and again when they change.
 */
import { invariant } from '../invariant.ts'
import type { ConfigSource, LayeredConfig } from './config.ts'
import { type ConfigType, type Definition, nodeConfigDefinition } from './definitions.ts'
import { type ConfigValue, parseValue } from './validation.ts'

type Values = ReadonlyMap<string, string>

export type DynamicLayers = {
  /** Config records of broker ''. */
  clusterDefaults: Values | undefined
  /** Config records of this broker's id. */
  broker: Values | undefined
}

const noLayers = (): DynamicLayers => ({ clusterDefaults: undefined, broker: undefined })

function definitionOf(name: string): Definition {
  const definition = nodeConfigDefinition(name)
  invariant(definition !== undefined, 'only configurations that exist are asked for', { name })
  return definition
}

/**
 * @param properties the node's own, by Kafka's names and ours; unknown names are kept for `names`
 * @param dynamic read at each access, so the metadata image's own maps can be handed in
 */
export function layeredConfig(properties: Values, dynamic = noLayers): LayeredConfig {
  const parsed = new Map<string, { text: string; value: ConfigValue }>()

  function* found(definition: Definition): Generator<{ value: string; source: ConfigSource }> {
    const { name, mode, defaultValue } = definition
    if (mode !== 'read-only' && mode !== 'internal') {
      const { clusterDefaults, broker } = dynamic()
      const own = broker?.get(name)
      if (own !== undefined) yield { value: own, source: 'dynamic-broker' }
      const shared = mode === 'cluster-wide' ? clusterDefaults?.get(name) : undefined
      if (shared !== undefined) yield { value: shared, source: 'dynamic-default' }
    }
    const written = properties.get(name)
    if (written !== undefined) yield { value: written, source: 'static' }
    if (defaultValue !== null) yield { value: defaultValue, source: 'default' }
  }

  function parsedValue(name: string, ...types: ConfigType[]): ConfigValue | null {
    const definition = definitionOf(name)
    invariant(types.includes(definition.type), 'a configuration is read as what it is', {
      name,
      type: definition.type,
    })
    const text = found(definition).next().value?.value
    if (text === undefined) return null
    const known = parsed.get(name)
    if (known !== undefined && known.text === text) return known.value
    const value = parseValue(name, definition.type, text)
    parsed.set(name, { text, value })
    return value
  }

  function required(name: string, ...types: ConfigType[]): ConfigValue {
    const value = parsedValue(name, ...types)
    invariant(value !== null, 'a configuration without default is set, or read by raw', { name })
    return value
  }

  return {
    int: (name) => required(name, 'int', 'short', 'long') as number,
    double: (name) => required(name, 'double') as number,
    bool: (name) => required(name, 'boolean') as boolean,
    text: (name) => parsedValue(name, 'string', 'class', 'password') as string | null,
    list: (name) => (parsedValue(name, 'list') ?? []) as string[],
    raw: (name) => found(definitionOf(name)).next().value ?? { value: null, source: 'default' },
    layers: (name) => [...found(definitionOf(name))],
    names() {
      const { clusterDefaults, broker } = dynamic()
      return new Set([
        ...properties.keys(),
        ...(clusterDefaults?.keys() ?? []),
        ...(broker?.keys() ?? []),
      ])
    },
  }
}
