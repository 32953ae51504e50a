import { api } from '../protocol/api.ts'
import {
  array,
  boolean,
  ignorable,
  int8,
  int16,
  int32,
  nullable,
  since,
  string,
} from '../protocol/schema.ts'

/**
 * Shows configurations of topics, brokers and others, and where each value comes from (KIP-133,
 * KIP-226).
 */
export const DescribeConfigs = api(
  {
    key: 32,
    name: 'DescribeConfigs',
    versions: [1, 4],
    flexible: 4,
    listeners: ['broker', 'controller'],
  },
  {
    resources: array({
      resourceType: int8,
      resourceName: string,
      configurationKeys: nullable(array(string)),
    }),
    includeSynonyms: boolean,
    includeDocumentation: since(3, boolean),
  },
  {
    throttleTimeMs: int32,
    results: array({
      errorCode: int16,
      errorMessage: nullable(string),
      resourceType: int8,
      resourceName: string,
      configs: array({
        name: string,
        value: nullable(string),
        readOnly: boolean,
        configSource: int8,
        isSensitive: boolean,
        synonyms: array({ name: string, value: nullable(string), source: int8 }),
        configType: ignorable(since(3, int8)),
        documentation: ignorable(since(3, nullable(string))),
      }),
    }),
  },
)
