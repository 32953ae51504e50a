/** The quorum's APIs over the wire: what is refused, what is told, and what changes. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { describeQuorum } from '../../actors/apis/55-describe-quorum.ts'
import type { Asker } from '../../actors/apis/handler.ts'
import { ask } from '../../actors/quorum/elections.ts'
import { fetchRequest, fetchVersion, MetadataFetch } from '../../actors/quorum/fetch-wire.ts'
import type { Api, Request, Response } from '../../transport/protocol/api.ts'
import { type ErrorName, errorName } from '../../transport/protocol/errors.ts'
import { Vote } from '../../transport/schemas/52-vote.ts'
import { BeginQuorumEpoch } from '../../transport/schemas/53-begin-quorum-epoch.ts'
import type { DescribeQuorum } from '../../transport/schemas/55-describe-quorum.ts'
import { FetchSnapshot } from '../../transport/schemas/59-fetch-snapshot.ts'
import { UpdateRaftVoter } from '../../transport/schemas/82-update-raft-voter.ts'
import { directoryOf, epochOf, quorumWorld, type World } from './support/quorum-world.ts'

async function started(statics = false): Promise<World> {
  const world = quorumWorld({ voters: [1, 2, 3], observers: [4], statics })
  await world.startAll()
  await world.until(() => world.leader()?.leaders.at(-1) === '1@1')
  const offset = world.append('a')
  await world.until(() => [1, 2, 3, 4].every((id) => world.node(id).told.has(offset)))
  return world
}

/** From one node to another, as the replicas ask. */
async function asked<A extends Api>(
  world: World,
  [from, to]: [number, number],
  api: A,
  request: Request<A>,
): Promise<Response<A>> {
  const { replica } = world.node(from).quorum!.rpc
  let answer: Response<A> | undefined
  const done = ask(replica, api, api.versions[1], to, request, 1000).then((got) => {
    answer = got
  })
  await world.until(() => answer !== undefined, 2_000)
  await done
  return answer!
}

const voteFor = (
  id: number,
  epoch: number,
  of: Partial<{ clusterId: string; voterId: number }> = {},
) => ({
  clusterId: 'xtzWWN4bTjitpL3kfd9s5g',
  voterId: -1,
  topics: [
    {
      topicName: '__cluster_metadata',
      partitions: [
        {
          partitionIndex: 0,
          replicaEpoch: epoch,
          replicaId: id,
          replicaDirectoryId: directoryOf(id),
          voterDirectoryId: directoryOf(2),
          lastOffsetEpoch: 0,
          lastOffset: 0,
          preVote: false,
        },
      ],
    },
  ],
  ...of,
})
const partitionError = (answer: Response<typeof Vote>): ErrorName =>
  errorName(answer.topics[0]!.partitions[0]!.errorCode)

test('Vote: another cluster, an older epoch and another disk are told apart', async () => {
  const world = await started()
  const to = (request: Request<typeof Vote>) => asked(world, [3, 2], Vote, request)
  const foreign = await to(voteFor(3, 2, { clusterId: 'Z0Z0Z0Z0Z0Z0Z0Z0Z0Z0Zw' }))
  assert.is(errorName(foreign.errorCode), 'INCONSISTENT_CLUSTER_ID')
  const old = await to(voteFor(3, 0))
  assert.is(partitionError(old), 'INVALID_REQUEST', 'no log reaches into the epoch stood for')
  const request = voteFor(3, 2, { voterId: 2 })
  request.topics[0]!.partitions[0]!.voterDirectoryId = directoryOf(9)
  assert.is(partitionError(await to(request)), 'INVALID_VOTER_KEY')
  const behind = await to(voteFor(3, 2))
  assert.is(partitionError(behind), 'NONE')
  assert.is(behind.topics[0]!.partitions[0]!.voteGranted, false, 'its log is behind')
  assert.is(behind.topics[0]!.partitions[0]!.leaderEpoch, 2, 'the epoch is learned all the same')
})

test('BeginQuorumEpoch of an older epoch is fenced, and told the newer one', async () => {
  const world = await started()
  const answer = await asked(world, [3, 2], BeginQuorumEpoch, {
    clusterId: null,
    voterId: -1,
    topics: [
      {
        topicName: '__cluster_metadata',
        partitions: [
          { partitionIndex: 0, voterDirectoryId: directoryOf(2), leaderId: 3, leaderEpoch: 0 },
        ],
      },
    ],
    leaderEndpoints: [],
  })
  const { errorCode, leaderId, leaderEpoch } = answer.topics[0]!.partitions[0]!
  assert.equal([errorName(errorCode), leaderId, leaderEpoch], ['FENCED_LEADER_EPOCH', 1, 1])
  assert.equal(answer.nodeEndpoints, [{ nodeId: 1, host: 'localhost', port: 9001 }])
})

test('R11: a fetch off the leader’s log is answered with where it parts', async () => {
  const world = await started()
  const { replica } = world.node(3).quorum!.rpc
  const request = fetchRequest(replica, { epoch: 1, maxWaitMs: 0 })
  const partition = request.topics[0]!.partitions[0]!
  const to = async (change: Partial<typeof partition>, node = 1) => {
    const topics = [{ ...request.topics[0]!, partitions: [{ ...partition, ...change }] }]
    const answer = await asked(world, [3, node], MetadataFetch, { ...request, topics })
    return answer.responses[0]!.partitions[0]!
  }
  const end = world.node(1).quorum!.endOffset()
  const beyond = await to({ fetchOffset: end + 5 })
  assert.equal(beyond.divergingEpoch, { epoch: 1, endOffset: end })
  const newer = await to({ lastFetchedEpoch: 0, fetchOffset: end })
  assert.equal(newer.divergingEpoch, { epoch: 0, endOffset: 0 })
  assert.is(errorName((await to({ currentLeaderEpoch: 0 })).errorCode), 'FENCED_LEADER_EPOCH')
  assert.is(errorName((await to({ currentLeaderEpoch: 2 })).errorCode), 'UNKNOWN_LEADER_EPOCH')
  const follower = await to({}, 2)
  assert.is(errorName(follower.errorCode), 'NOT_LEADER_OR_FOLLOWER')
  assert.equal(follower.currentLeader, { leaderId: 1, leaderEpoch: 1 })
  const whole = await to({ fetchOffset: 0, lastFetchedEpoch: 0, highWatermark: -1 })
  assert.is(whole.highWatermark, end)
  assert.ok(whole.records!.length > 0)
  assert.is(fetchVersion, 18)
})

test('FetchSnapshot: what is not there, or not at that position', async () => {
  const world = await started()
  const request = (endOffset: number, position: number) => ({
    clusterId: null,
    replicaId: 3,
    maxBytes: 1000,
    topics: [
      {
        name: '__cluster_metadata',
        partitions: [
          {
            partition: 0,
            currentLeaderEpoch: 1,
            snapshotId: { endOffset, epoch: 0 },
            position,
            replicaDirectoryId: directoryOf(3),
          },
        ],
      },
    ],
  })
  const errorOf = async (endOffset: number, position: number) => {
    const answer = await asked(world, [3, 1], FetchSnapshot, request(endOffset, position))
    return errorName(answer.topics[0]!.partitions[0]!.errorCode)
  }
  assert.is(await errorOf(77, 0), 'SNAPSHOT_NOT_FOUND')
  assert.is(await errorOf(0, 1_000_000), 'POSITION_OUT_OF_RANGE')
  assert.is(await errorOf(0, 0), 'NONE')
})

const asker: Asker = {
  apiVersion: 2,
  correlationId: 1,
  clientId: 'test',
  principal: 'User:ANONYMOUS',
  clientAddress: '/127.0.0.1',
  listenerName: 'CONTROLLER',
  connectionId: '1',
}
function describe(world: World, id: number): Response<typeof DescribeQuorum> {
  const { quorum } = world.node(id)
  const request = {
    topics: [{ topicName: '__cluster_metadata', partitions: [{ partitionIndex: 0 }] }],
  }
  const { logger } = quorum!.rpc.replica
  const answer = describeQuorum.answer(request, asker, { quorum: quorum! }, logger)
  return answer as Response<typeof DescribeQuorum>
}

test('DescribeQuorum: the leader tells voters, observers, their ends and endpoints', async () => {
  const world = await started()
  await world.clock.advance(1_000)
  const answer = describe(world, 1)
  const partition = answer.topics[0]!.partitions[0]!
  const end = world.node(1).quorum!.endOffset()
  assert.equal([partition.leaderId, partition.leaderEpoch], [1, 1])
  assert.is(partition.highWatermark, end)
  assert.equal(
    partition.currentVoters.map(({ replicaId, logEndOffset }) => [replicaId, logEndOffset]),
    [1, 2, 3].map((id) => [id, end]),
  )
  assert.equal(
    partition.observers.map(({ replicaId }) => replicaId),
    [4],
  )
  for (const voter of partition.currentVoters) {
    assert.ok(world.clock.now() - voter.lastCaughtUpTimestamp < 1_000)
    assert.is(voter.replicaDirectoryId, directoryOf(voter.replicaId))
  }
  assert.equal(answer.nodes[0], {
    nodeId: 1,
    listeners: [{ name: 'CONTROLLER', host: 'localhost', port: 9001 }],
  })
  const follower = describe(world, 2).topics[0]!.partitions[0]!
  assert.is(errorName(follower.errorCode), 'NOT_LEADER_OR_FOLLOWER')
  assert.is(follower.leaderId, 1)
})

const update = (id: number, port: number, epoch = 1) => ({
  clusterId: 'xtzWWN4bTjitpL3kfd9s5g',
  currentLeaderEpoch: epoch,
  voterId: id,
  voterDirectoryId: directoryOf(id),
  listeners: [{ name: 'CONTROLLER', host: 'elsewhere', port }],
  kRaftVersionFeature: { minSupportedVersion: 0, maxSupportedVersion: 1 },
})

test('UpdateRaftVoter: new endpoints are in force everywhere, and outlive a failover', async () => {
  const world = await started()
  const answer = await asked(world, [3, 1], UpdateRaftVoter, update(3, 7777))
  assert.is(errorName(answer.errorCode), 'NONE')
  const ports = () =>
    [1, 2, 3, 4].map((id) =>
      world
        .node(id)
        .quorum!.voters()
        .find((voter) => voter.id === 3),
    )
  await world.until(() => ports().every((voter) => voter?.endpoints[0]?.port === 7777))
  const stranger = await asked(world, [3, 1], UpdateRaftVoter, update(8, 7777))
  assert.is(errorName(stranger.errorCode), 'VOTER_NOT_FOUND')
  const elsewhere = await asked(world, [3, 2], UpdateRaftVoter, update(3, 8888))
  assert.is(errorName(elsewhere.errorCode), 'NOT_LEADER_OR_FOLLOWER')
  assert.is(elsewhere.currentLeader.leaderId, 1)
  await world.stop(1)
  await world.until(() => (world.leader()?.id ?? 1) !== 1 && epochOf(world.leader()!) === 2)
  const known = world
    .leader()!
    .quorum!.voters()
    .find((voter) => voter.id === 3)
  // The voter itself says where it really is, once it follows the next leader.
  assert.ok([7777, 9003].includes(known!.endpoints[0]!.port))
})

test('UpdateRaftVoter: static voters have no set to change', async () => {
  const world = await started(true)
  const answer = await asked(world, [3, 1], UpdateRaftVoter, update(3, 7777))
  assert.is(errorName(answer.errorCode), 'UNSUPPORTED_VERSION')
})

test('truncation brings the former voter set back into force', async () => {
  const world = await started()
  const old = world.leader()!
  world.network.isolate(old.id)
  const led = old.quorum!.rpc.leadership()!
  const moved = old
    .quorum!.voters()
    .map((voter) => ({ ...voter, kraftVersion: { min: 0, max: 9 } }))
  led.appendVoters(moved)
  assert.is(old.quorum!.voters()[0]!.kraftVersion.max, 9, 'in force before it is committed')
  assert.is(led.mayChangeVoters(), false, 'R12: one at a time')
  await world.until(() => (world.leader()?.id ?? old.id) !== old.id)
  world.network.heal()
  await world.until(() => old.quorum!.voters()[0]!.kraftVersion.max === 1)
})

test.run()
