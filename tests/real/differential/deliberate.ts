/**
 * Where we differ from Kafka and mean it, or know it: a scenario, the lines of `differences` and why.
 * A line `#3 ListOffsets .topics[a].offset: 1 | 2` is the fourth thing that the scenario noted; Kafka
 * said 1, we say 2.
 */
export type Deliberate = { scenario: RegExp; where: RegExp; why: string }

const of = (scenario: RegExp, where: RegExp, why: string): Deliberate => ({ scenario, where, why })

export const deliberate: Deliberate[] = [
  of(
    /^ApiVersions$/,
    /\.apiKeys\[\d+\]: \{.*\| "nothing"$/,
    'an api that is not built is not told',
  ),
  of(/^ApiVersions$/, /supportedFeatures\[/, 'features that are not built are not told'),
  of(
    /^DescribeQuorum$/,
    /highWatermark|logEndOffset/,
    'the logs hold other records: Kafka registers a controller of its own',
  ),
  of(/^DescribeQuorum$/, /\.nodes\[/, 'an embedded controller has no listener unless asked for'),
  of(
    /^Metadata of topics$/,
    /#11 /,
    'Kafka fails the whole request over a topic without name and id, by a null pointer',
  ),
  of(
    /^DescribeTopicPartitions$/,
    /#16 /,
    'Kafka fails the whole request over an empty name, which it cannot authorize',
  ),
  of(
    /^DescribeConfigs of brokers$/,
    /\[(broker\.id|listeners|log\.dirs|controller\.quorum\.bootstrap\.servers)\]/,
    'each node has its own',
  ),
  of(
    /^Produce of packed batches$/,
    /a varint without end, .*: -1 \| 87$/,
    'Kafka does not foresee a length that is no varint, where records are plain',
  ),
  of(
    /^Fetch$/,
    /#16 .*bytes: 120 \| 118/,
    'Kafka ends an answer within a batch; what is cut off is of use to nobody: whole batches only',
  ),
]
