/**
 * The handler table of one listener: what it answers, and therefore what ApiVersions advertises.
 */
import type { Handler } from '../apis/handler.ts'
import { invariant } from '../invariant.ts'

/** By api key. */
export type HandlerTable<Host> = ReadonlyMap<number, Handler<Host>>

export function handlerTable<Host>(handlers: Iterable<Handler<Host>>): HandlerTable<Host> {
  const table = new Map<number, Handler<Host>>()
  for (const handler of handlers) {
    const { key, name } = handler.api
    invariant(!table.has(key), 'an api has one handler', { key, name })
    table.set(key, handler)
  }
  return table
}

export const offers = <Host>(handler: Handler<Host>, version: number): boolean =>
  version >= handler.versions[0] && version <= handler.versions[1]
