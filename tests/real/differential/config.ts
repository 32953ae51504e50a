/** What both clusters are configured with. */
export const config = {
  'num.partitions': '2',
  'default.replication.factor': '1',
  'offsets.topic.num.partitions': '4',
  'offsets.topic.replication.factor': '1',
  'min.insync.replicas': '1',
  'group.initial.rebalance.delay.ms': '0',
}
