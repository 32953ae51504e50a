/**
 * A node's configuration, as Kafka names it: `server.properties`, over which cluster-wide and
 * per-broker dynamic values from the metadata log lie. Read where it is used; dynamic values change.
 */
export type Config = {
  /** A name that Kafka does not have is a programming error and throws. */
  int(name: string): number
  double(name: string): number
  bool(name: string): boolean
  /** null where the value is not set and has no default. */
  text(name: string): string | null
  list(name: string): string[]
  /** The value as it was written, with where it comes from. */
  raw(name: string): ConfigLayer
  /** Names that are set, in the file or dynamically. */
  names(): Iterable<string>
}

export type ConfigSource = 'default' | 'static' | 'dynamic-default' | 'dynamic-broker'

export type ConfigLayer = { value: string | null; source: ConfigSource }

/** A configuration that can tell all that was said about a name, for DescribeConfigs. */
export type LayeredConfig = Config & {
  /** What is set, strongest first; the default last, where there is one. */
  layers(name: string): { value: string; source: ConfigSource }[]
}
