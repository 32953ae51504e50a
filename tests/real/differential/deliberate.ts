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
  of(
    /^ApiVersions$/,
    /\.apiKeys\[43\]\.minVersion: 0 \| 1/,
    'ElectLeaders v0 has no error of its own',
  ),
  of(/^ApiVersions$/, /edFeatures\[/, 'features that are not built are not told'),
  of(/no version covers/, /ApiVersions v\d+ : "closed" \|/, 'a newer client is told what there is'),
  of(/^DescribeQuorum$/, /highWatermark|logEndOffset/, 'the logs hold other records'),
  of(/^DescribeQuorum$/, /leader(Id|Epoch): 0 \| -1/, 'nobody is -1, for node 0 may lead'),
  of(/^DescribeQuorum$/, /\.nodes\[/, 'an embedded controller has no listener'),
  of(/^UpdateFeatures$/, /#8 /, 'the same feature twice is refused'),
  of(/^UpdateFeatures$/, /#11 /, 'kraft.version is not changed by request'),
  of(/^UpdateFeatures$/, /#1[36] .*: 95 \| 42/, 'an unknown upgrade type is a bad request'),
  of(/^Metadata of topics$/, /#11 /, 'a topic without name and id harms itself only'),
  of(/^Metadata of topics$/, /#12 /, 'a topic by name and by id is told for each'),
  of(
    /^DescribeTopicPartitions$/,
    /topicAuthorizedOperations/,
    'told for every topic, found or not',
  ),
  of(/^DescribeTopicPartitions$/, /#1[02] /, 'a cursor behind all topics is the end, no error'),
  of(/^DescribeTopicPartitions$/, /#15 /, 'a bad name is refused by name'),
  of(/^ElectLeaders$/, /"closed"$/, 'ElectLeaders v0 has no error of its own'),
  of(
    /^DescribeConfigs of brokers$/,
    /\[(broker\.id|listeners|log\.dirs|controller\.quorum\.bootstrap\.servers)\]/,
    'each node has its own',
  ),
  of(/^DescribeConfigs of others$/, /#[0-3] /, 'of groups and metrics only what is set is known'),
  of(/AlterConfigs of topics$/, /#21 .*: -1 \| 42/, 'an unknown operation is a bad request'),
  of(/AlterConfigs of topics$/, /#45 .*: 17 \| 3/, 'a bad name names no topic'),
  of(
    /^IncrementalAlterConfigs of others$/,
    /#8 .*: 42 \| 102/,
    'an unknown broker is told as such',
  ),
  of(
    /^IncrementalAlterConfigs of others$/,
    /#(24|27|29) /,
    'bounds of groups and metrics are theirs who build them',
  ),
  of(/^AlterConfigs$/, /#7 .*: 42 \| 0/, 'the last of two values counts'),
  of(/^AlterConfigs$/, /#10 .*: 42 \| 102/, 'an unknown broker is told as such'),
  of(/^ListConfigResources$/, /configResources\[/, 'groups and metrics were given values above'),
  of(
    /^Produce of packed batches$/,
    /a varint without end, .*: -1 \| 87$/,
    'Kafka does not foresee a length that is no varint, where records are plain',
  ),
  of(/^DescribeProducers$/, /: 17 \| 3/, 'a bad name names no topic'),
  of(/^ListOffsets$/, /\[0 1\]: "nothing"/, 'a partition asked twice is refused twice'),
  of(/^ListOffsets$/, /#3[25] /, 'an unknown isolation level reads uncommitted'),
  of(/^Fetch$/, /#14 /, 'an unknown isolation level reads uncommitted'),
  of(/^Fetch$/, /#1[28] /, 'a negative bound counts as the smallest: one batch'),
  of(/^Fetch$/, /#16 .*bytes: 120 \| 118/, 'whole batches only'),
  of(/^Fetch$/, /#32 /, 'an epoch that is not known yet diverges'),
  of(/^Fetch$/, /#35 /, 'endpoints come with each refusal that names a leader'),
  of(/^Fetch/, /abortedTransactions: \[\] \| null/, 'none, in both spellings'),
  of(/^OffsetForLeaderEpoch$/, /#(3|7|1[2-5]) /, 'epochs below -1 count as -1'),
  of(/^DescribeLogDirs$/, /(total|usable)Bytes: "bytes" \| -1/, 'sizes of disks are not known'),
  of(/^JoinGroup/, /memberAssignment: "\w+" \| ""/, 'a new generation has no parts yet'),
  of(
    /^OffsetCommit$/,
    /#11 .*"partitions":\[\]/,
    'a topic without partitions is answered as asked',
  ),
  of(/^OffsetDelete$/, /#4 .*"partitions":\[\]/, 'a topic without partitions is answered as asked'),
]
