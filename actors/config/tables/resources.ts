/**
 * What topics, groups, clients and metrics subscriptions can be configured with: Kafka 4.3's
 * names, as facts. The synonym is the broker's configuration that holds where the own one is not set.
 *
 * Columns: name, type, default, broker synonym, valid values; `-` where a cell is empty.
 */
export const topicTable = `
cleanup.policy                           list          delete      log.cleanup.policy                   [compact, delete]
compression.gzip.level                   int           -1          compression.gzip.level               [1,...,9] or -1
compression.lz4.level                    int           9           compression.lz4.level                [1,...,17]
compression.type                         string        producer    compression.type                     [uncompressed, zstd, lz4, snappy, gzip, producer]
compression.zstd.level                   int           3           compression.zstd.level               [-131072,...,22]
delete.retention.ms                      long          86400000    log.cleaner.delete.retention.ms      [0,...]
file.delete.delay.ms                     long          60000       log.segment.delete.delay.ms          [0,...]
flush.messages                           long          9223372036854775807  log.flush.interval.messages          [1,...]
flush.ms                                 long          9223372036854775807  log.flush.interval.ms                [0,...]
follower.replication.throttled.replicas  list          ""          -                                    throttled replicas
index.interval.bytes                     int           4096        log.index.interval.bytes             [0,...]
internal.segment.bytes                   int      null  -  -  internal
leader.replication.throttled.replicas    list          ""          -                                    throttled replicas
local.retention.bytes                    long          -2          log.local.retention.bytes            [-2,...]
local.retention.ms                       long          -2          log.local.retention.ms               [-2,...]
max.compaction.lag.ms                    long          9223372036854775807  log.cleaner.max.compaction.lag.ms    [1,...]
max.message.bytes                        int           1048588     message.max.bytes                    [0,...]
message.timestamp.after.max.ms           long          3600000     log.message.timestamp.after.max.ms   [0,...]
message.timestamp.before.max.ms          long          9223372036854775807  log.message.timestamp.before.max.ms  [0,...]
message.timestamp.type                   string        CreateTime  log.message.timestamp.type           [CreateTime, LogAppendTime]
min.cleanable.dirty.ratio                double        0.5         log.cleaner.min.cleanable.ratio      [0,...,1]
min.compaction.lag.ms                    long          0           log.cleaner.min.compaction.lag.ms    [0,...]
min.insync.replicas                      int           1           min.insync.replicas                  [1,...]
preallocate                              boolean       false       log.preallocate
remote.log.copy.disable                  boolean       false
remote.log.delete.on.disable             boolean       false
remote.storage.enable                    boolean       false
retention.bytes                          long          -1          log.retention.bytes
retention.ms                             long          604800000   log.retention.ms                     [-1,...]
segment.bytes                            int           1073741824  log.segment.bytes                    [1048576,...]
segment.index.bytes                      int           10485760    log.index.size.max.bytes             [4,...]
segment.jitter.ms                        long          0           log.roll.jitter.ms                   [0,...]
segment.ms                               long          604800000   log.roll.ms                          [1,...]
unclean.leader.election.enable           boolean       false       unclean.leader.election.enable
`

export const groupTable = `
consumer.assignment.interval.ms     int      1000        group.consumer.assignment.interval.ms     [0,...]
consumer.heartbeat.interval.ms      int      5000        group.consumer.heartbeat.interval.ms      [1,...]
consumer.session.timeout.ms         int      45000       group.consumer.session.timeout.ms         [1,...]
share.assignment.interval.ms        int      1000        group.share.assignment.interval.ms        [0,...]
share.auto.offset.reset             string   latest      -                                         [latest, earliest, by_duration:PnDTnHnMn.nS]
share.delivery.count.limit          int      5           group.share.delivery.count.limit          [2,...]
share.heartbeat.interval.ms         int      5000        group.share.heartbeat.interval.ms         [1,...]
share.isolation.level               string   read_uncommitted  -                                         [read_committed, read_uncommitted]
share.partition.max.record.locks    int      2000        group.share.partition.max.record.locks    [100,...]
share.record.lock.duration.ms       int      30000       group.share.record.lock.duration.ms       [1000,...]
share.renew.acknowledge.enable      boolean  true
share.session.timeout.ms            int      45000       group.share.session.timeout.ms            [1,...]
streams.assignment.interval.ms      int      1000        group.streams.assignment.interval.ms      [0,...]
streams.heartbeat.interval.ms       int      5000        group.streams.heartbeat.interval.ms       [1,...]
streams.initial.rebalance.delay.ms  int      3000        group.streams.initial.rebalance.delay.ms  [0,...]
streams.num.standby.replicas        int      0           group.streams.num.standby.replicas        [0,...]
streams.session.timeout.ms          int      45000       group.streams.session.timeout.ms          [1,...]
`

export const userClientTable = `
SCRAM-SHA-256             string  null
SCRAM-SHA-512             string  null
consumer_byte_rate        long    9223372036854775807
controller_mutation_rate  double  2.147483647E9
producer_byte_rate        long    9223372036854775807
request_percentage        double  2.147483647E9
`

export const ipTable = `
connection_creation_rate  int  2147483647  -  [0,...]
`

export const clientMetricsTable = `
interval.ms  int   300000
match        list  ""
metrics      list  ""
`
