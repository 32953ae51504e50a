/** How a node reaches the others: over NATS, or by a link that its caller makes. */
import { InvariantError } from '../actors/invariant.ts'
import type { Logger } from '../actors/log.ts'
import type { Clock } from '../actors/ports/clock.ts'
import type { Endpoint, Link } from '../transport/links/link.ts'
import { KafkaError } from '../transport/protocol/errors.ts'
import type { NodeConfig } from './config/config.ts'

export type LinkTo = (self: Endpoint, onHandlerError: (api: string, error: unknown) => void) => Link

/** Of a node to the others. */
export async function linkOf(
  { node, link, log }: { node: NodeConfig; link: 'nats' | LinkTo; log: Logger },
  clusterId: string,
  self: Endpoint,
  clock: Clock,
  halt: (why: unknown) => void,
): Promise<Link> {
  const onHandlerError = (api: string, err: unknown) => {
    if (err instanceof InvariantError) halt(err)
    else if (err instanceof KafkaError) log.debug({ api, err }, 'a request was refused')
    else log.error({ api, err }, 'a request of another node failed')
  }
  if (link !== 'nats') return link(self, onHandlerError)
  const { natsLink } = await import('../transport/links/nats.ts')
  const { servers, user, password, token, tls } = node.nats
  const file = (path: string | null) => (path === null ? undefined : path)
  const tlsOptions = defined({
    caFile: file(tls.caFile),
    certFile: file(tls.certFile),
    keyFile: file(tls.keyFile),
  })
  return natsLink({
    clusterId,
    self,
    clock,
    nats: {
      servers,
      ...defined({
        user: user ?? undefined,
        pass: password ?? undefined,
        token: token ?? undefined,
      }),
      ...(Object.keys(tlsOptions).length > 0 ? { tls: tlsOptions } : {}),
    },
    onHandlerError,
    onTrouble: (what) => log.warn({ servers }, what),
  })
}

/** Without what is undefined. */
function defined<T extends Record<string, string | undefined>>(values: T) {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]?: string
  }
}
