/** The inboxes of the quorum on this node's link: Kafka's names, the latest versions. */

import { type Called, serveApi } from '../../transport/links/rpc.ts'
import type { Api, Request, Response } from '../../transport/protocol/api.ts'
import { refuse } from '../../transport/protocol/errors.ts'
import { Vote } from '../../transport/schemas/52-vote.ts'
import { BeginQuorumEpoch } from '../../transport/schemas/53-begin-quorum-epoch.ts'
import { EndQuorumEpoch } from '../../transport/schemas/54-end-quorum-epoch.ts'
import { FetchSnapshot } from '../../transport/schemas/59-fetch-snapshot.ts'
import { UpdateRaftVoter } from '../../transport/schemas/82-update-raft-voter.ts'
import { vote } from '../apis/52-vote.ts'
import { beginQuorumEpoch } from '../apis/53-begin-quorum-epoch.ts'
import { endQuorumEpoch } from '../apis/54-end-quorum-epoch.ts'
import { fetchSnapshot } from '../apis/59-fetch-snapshot.ts'
import { updateRaftVoter } from '../apis/82-update-raft-voter.ts'
import type { Asker, Handler } from '../apis/handler.ts'
import { fetchVersion, MetadataFetch } from './fetch-wire.ts'
import type { QuorumRpc } from './rpc.ts'
import { serveFetch } from './serve-fetch.ts'

type Served = { readonly rpc: QuorumRpc; committed(offset: number): Promise<void> }

export function serveQuorum(quorum: Served): void {
  const { replica, leadership } = quorum.rpc
  const { link, logger } = replica
  const host = { quorum }

  function ready(api: string): void {
    if (!replica.running()) refuse('BROKER_NOT_AVAILABLE', `${api}: the quorum does not run here`)
  }

  function serve<A extends Api>(api: A, of: Handler<typeof host>): void {
    const [, latest] = of.versions
    serveApi(link, api, [latest, latest], (request: Request<A>, called) => {
      ready(api.name)
      const answer = of.answer(request, askerOf(called), host, logger)
      return answer as Response<A> | Promise<Response<A>>
    })
  }

  serve(Vote, vote)
  serve(BeginQuorumEpoch, beginQuorumEpoch)
  serve(EndQuorumEpoch, endQuorumEpoch)
  serve(FetchSnapshot, fetchSnapshot)
  serve(UpdateRaftVoter, updateRaftVoter)
  const fetch = serveFetch(replica, leadership)
  serveApi(link, MetadataFetch, [fetchVersion, fetchVersion], (request, { from }) => {
    ready(MetadataFetch.name)
    return fetch(request, from)
  })
}

/** A node asks for itself; its connection is its incarnation. */
const askerOf = ({ version, from }: Called): Asker => ({
  apiVersion: version,
  correlationId: 0,
  clientId: `node-${from.nodeId}`,
  principal: 'User:ANONYMOUS',
  clientAddress: '',
  listenerName: 'CONTROLLER',
  connectionId: from.incarnationId,
})
