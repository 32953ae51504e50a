/** What `controller.quorum.*` and `metadata.*` of a node say to its quorum replica. */
import type { LogConfig } from '../actors/ports/log.ts'
import type { QuorumConfig } from '../actors/quorum/replica.ts'
import type { NodeConfig } from './config/config.ts'

export function quorumConfig({ config }: Pick<NodeConfig, 'config'>): QuorumConfig {
  return {
    electionTimeoutMs: config.int('controller.quorum.election.timeout.ms'),
    fetchTimeoutMs: config.int('controller.quorum.fetch.timeout.ms'),
    electionBackoffMaxMs: config.int('controller.quorum.election.backoff.max.ms'),
    requestTimeoutMs: config.int('controller.quorum.request.timeout.ms'),
    retryBackoffMs: config.int('controller.quorum.retry.backoff.ms'),
    fetchMaxBytes: config.int('controller.quorum.fetch.max.bytes'),
    fetchSnapshotMaxBytes: config.int('controller.quorum.fetch.snapshot.max.bytes'),
    retentionBytes: config.int('metadata.max.retention.bytes'),
    retentionMs: config.int('metadata.max.retention.ms'),
  }
}

/** How its log is cut into segments; Kafka's internal name allows smaller ones than the public one. */
export function metadataLogConfig({
  config,
}: Pick<NodeConfig, 'config'>): Pick<LogConfig, 'segmentBytes' | 'segmentMs'> {
  const internal = 'internal.metadata.log.segment.bytes'
  const isInternal = config.raw(internal).value !== null
  return {
    segmentBytes: config.int(isInternal ? internal : 'metadata.log.segment.bytes'),
    segmentMs: config.int('metadata.log.segment.ms'),
  }
}
