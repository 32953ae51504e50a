/**
 * A configuration out of layers: dynamic values of this broker, dynamic values of all brokers, the
 * node's properties, Kafka's defaults. Values are parsed when first asked for and again when they change.
 */
import { invariant } from '../invariant.ts'
import type { ConfigLayer, ConfigSource, LayeredConfig } from './config.ts'
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

  /** What is set dynamically, strongest first: own value, value of all brokers. */
  function dynamicValues({ name, mode }: Definition): (string | undefined)[] {
    if (mode === 'read-only' || mode === 'internal') return []
    const { clusterDefaults, broker } = dynamic()
    return [broker?.get(name), mode === 'cluster-wide' ? clusterDefaults?.get(name) : undefined]
  }

  function layers(definition: Definition): { value: string; source: ConfigSource }[] {
    const [own, shared] = dynamicValues(definition)
    const said: [string | null | undefined, ConfigSource][] = [
      [own, 'dynamic-broker'],
      [shared, 'dynamic-default'],
      [properties.get(definition.name), 'static'],
      [definition.defaultValue, 'default'],
    ]
    return said.flatMap(([value, source]) => (value == null ? [] : { value, source }))
  }

  function strongest(definition: Definition): ConfigLayer {
    const [own, shared] = dynamicValues(definition)
    if (own !== undefined) return { value: own, source: 'dynamic-broker' }
    if (shared !== undefined) return { value: shared, source: 'dynamic-default' }
    const written = properties.get(definition.name)
    if (written !== undefined) return { value: written, source: 'static' }
    return { value: definition.defaultValue, source: 'default' }
  }

  function parsedValue(name: string, ...types: ConfigType[]): ConfigValue | null {
    const definition = definitionOf(name)
    invariant(types.includes(definition.type), 'a configuration is read as what it is', {
      name,
      type: definition.type,
    })
    const { value: text } = strongest(definition)
    if (text === null) return null
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
    raw: (name) => strongest(definitionOf(name)),
    layers: (name) => layers(definitionOf(name)),
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
