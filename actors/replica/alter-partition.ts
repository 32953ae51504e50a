/**
 * Asks the controller for ISR changes: all that are wanted go in one AlterPartition, one at a time
 * for the broker, each a compare-and-set on leader and partition epoch (P11).
 *
 * Source: KIP-497, KIP-903 (members with their broker epochs). What a lost or late answer means
 * is for the chart to say; here an outcome is told for each proposal, once.
 */
import type { AlterPartitionOutcome } from '../../machines/replica.ts'
import type { Response } from '../../transport/protocol/api.ts'
import { type ErrorName, errorName } from '../../transport/protocol/errors.ts'
import { AlterPartition } from '../../transport/schemas/56-alter-partition.ts'
import type { ControllerChannel } from '../broker/types.ts'
import type { Logger } from '../log.ts'
import type { SendToReplica } from './charts.ts'
import type { Partition } from './partition.ts'

type Ports = {
  nodeId: number
  brokerEpoch(): number
  controller: ControllerChannel
  log: Logger
  send: SendToReplica
  timeoutMs(): number
  halt(why: unknown): void
}

type Proposal = {
  partition: Partition
  leaderEpoch: number
  partitionEpoch: number
  isr: { brokerId: number; brokerEpoch: number }[]
}

type Told = { error: ErrorName; isr: number[]; partitionEpoch: number; leaderEpoch: number }

const VERSION = 3
const PARTITIONS_MAX = 10_000

/** Kafka's reading of each error: what of the proposal is known for certain? */
export function outcomeOf(error: ErrorName): AlterPartitionOutcome {
  switch (error) {
    case 'NONE':
      return 'committed'
    case 'OPERATION_NOT_ATTEMPTED':
    case 'INELIGIBLE_REPLICA':
      return 'refused'
    case 'UNKNOWN_TOPIC_OR_PARTITION':
    case 'UNKNOWN_TOPIC_ID':
    case 'FENCED_LEADER_EPOCH':
    case 'INVALID_UPDATE_VERSION':
    case 'INVALID_REQUEST':
    case 'NEW_LEADER_ELECTED':
      return 'superseded'
    default:
      return 'unknown'
  }
}

export function createAlterPartitions(ports: Ports) {
  const { nodeId, brokerEpoch, controller, log, send, timeoutMs, halt } = ports
  /** What is to be asked; a partition's newer proposal replaces its older one. */
  const wanted = new Map<Partition, Proposal>()
  let asking = false
  let stopped = false

  function proposalOf(partition: Partition): Proposal {
    const { leaderEpoch, partitionEpoch, proposedIsr } = partition.context
    const known = (id: number): number => {
      if (id === nodeId) return brokerEpoch()
      const joining = partition.joining.find((each) => each.id === id)
      return joining?.brokerEpoch ?? partition.followers.find((f) => f.id === id)?.brokerEpoch ?? -1
    }
    const isr = proposedIsr.map((id) => ({ brokerId: id, brokerEpoch: known(id) }))
    return { partition, leaderEpoch, partitionEpoch, isr }
  }

  function tell({ partition, leaderEpoch, partitionEpoch }: Proposal, told: Told) {
    const outcome =
      told.error === 'NONE' && told.leaderEpoch !== leaderEpoch
        ? 'superseded'
        : outcomeOf(told.error)
    if (outcome !== 'committed') {
      const { topic, partition: index } = partition
      log.info({ topic, partition: index, error: told.error, outcome }, 'ISR change not committed')
    }
    send(partition, {
      type: 'AlterPartition',
      askedIn: { leaderEpoch, partitionEpoch },
      outcome,
      isr: told.isr,
      partitionEpoch: told.partitionEpoch,
    })
  }

  async function ask(proposals: Proposal[]): Promise<void> {
    const unknown = (error: ErrorName): Told => ({
      error,
      isr: [],
      partitionEpoch: -1,
      leaderEpoch: -1,
    })
    let told: Map<string, Told> | undefined
    let error: ErrorName = 'NETWORK_EXCEPTION'
    try {
      const answer = await controller.call(
        AlterPartition,
        VERSION,
        { brokerId: nodeId, brokerEpoch: brokerEpoch(), topics: topicsOf(proposals) },
        timeoutMs(),
      )
      error = errorName(answer.errorCode)
      if (error === 'NONE') told = tellings(answer)
    } catch (cause) {
      log.info({ err: cause }, 'AlterPartition got no answer')
    }
    if (stopped) return
    for (const proposal of proposals) {
      const { topicId, partition: index } = proposal.partition
      tell(
        proposal,
        told?.get(`${topicId} ${index}`) ?? unknown(told ? 'UNKNOWN_SERVER_ERROR' : error),
      )
    }
  }

  async function askAll(): Promise<void> {
    asking = true
    // All that this turn wants goes in one request.
    await null
    while (wanted.size > 0 && !stopped) {
      const proposals = [...wanted.values()].slice(0, PARTITIONS_MAX)
      for (const { partition } of proposals) wanted.delete(partition)
      const due = proposals.filter(isStillWanted)
      if (due.length > 0) await ask(due)
    }
    asking = false
  }

  return {
    /** Takes the proposal as it stands in the partition's context now. */
    propose(partition: Partition): void {
      wanted.set(partition, proposalOf(partition))
      if (!asking) askAll().catch(halt)
    },
    stop(): void {
      stopped = true
      wanted.clear()
    },
  }
}

/** What waited behind another request may be of a leadership, or an image, that is over. */
const isStillWanted = ({ partition, leaderEpoch, partitionEpoch }: Proposal): boolean =>
  partition.role === 'leader' &&
  !partition.removed &&
  partition.context.leaderEpoch === leaderEpoch &&
  partition.context.partitionEpoch === partitionEpoch

function topicsOf(proposals: Proposal[]) {
  const topics = new Map<string, Proposal[]>()
  for (const proposal of proposals) {
    const { topicId } = proposal.partition
    const of = topics.get(topicId)
    if (of) of.push(proposal)
    else topics.set(topicId, [proposal])
  }
  return [...topics].map(([topicId, of]) => ({
    topicId,
    partitions: of.map(({ partition, leaderEpoch, partitionEpoch, isr }) => ({
      partitionIndex: partition.partition,
      leaderEpoch,
      newIsr: [],
      newIsrWithEpochs: isr,
      // Nothing is recovered beyond what truncation does, so the first change says: recovered.
      leaderRecoveryState: 0,
      partitionEpoch,
    })),
  }))
}

function tellings({ topics }: Response<typeof AlterPartition>): Map<string, Told> {
  const told = new Map<string, Told>()
  for (const { topicId, partitions } of topics) {
    for (const { partitionIndex, errorCode, isr, partitionEpoch, leaderEpoch } of partitions) {
      const error = errorName(errorCode)
      told.set(`${topicId} ${partitionIndex}`, { error, isr, partitionEpoch, leaderEpoch })
    }
  }
  return told
}
