/** A trace for readers: a line an event, with when, who → whom, and what. */
import type { TraceEvent } from './trace.ts'

type Fields = Record<string, unknown>

const words = (value: unknown): string =>
  typeof value === 'string' ? value : JSON.stringify(value)

const others = (fields: Fields): string =>
  Object.entries(fields)
    .map(([name, value]) => `${name}=${words(value)}`)
    .join(' ')

const whoOf = (node: unknown): string =>
  node === undefined ? 'world' : node === 0 ? 'client' : `node ${node}`

function told(what: string, fields: Fields): [who: string, words: string] {
  switch (what) {
    case 'message': {
      const { event, id, from, to, api, bytes, why } = fields
      const lost = why === undefined ? '' : ` (${why})`
      return [`node ${from} → node ${to}`, `${event} ${api}${lost}, ${bytes} bytes, #${id}`]
    }
    case 'client': {
      const { event, from, to, connection, apiKey, correlationId, bytes } = fields
      const kind = apiKey === undefined ? 'answer' : `request ${apiKey}`
      return [
        `${from} → ${to}`,
        `${event} ${kind} ${correlationId}, ${bytes} bytes, connection ${connection}`,
      ]
    }
    case 'timer': {
      const { event, node, id, inMs } = fields
      return [whoOf(node), `timer ${id} ${event}${inMs === undefined ? '' : ` in ${inMs} ms`}`]
    }
    case 'disk': {
      const { node, op, path, ...more } = fields
      return [whoOf(node), `${op} ${path} ${others(more)}`.trimEnd()]
    }
    case 'chart': {
      const { node, chart, actor, on, from, to, status } = fields
      const end = status === undefined ? '' : `, ${status}`
      return [whoOf(node), `${chart} ${actor}: ${words(from)} → ${words(to)} on ${on}${end}`]
    }
    default: {
      const { node, level, ...more } = fields
      const said = level === undefined ? what : `${level}: ${what}`
      return [whoOf(node), `${said} ${others(more)}`.trimEnd()]
    }
  }
}

export function lineOf({ ms, step: _, what, ...fields }: TraceEvent): string {
  const [who, said] = told(what, fields)
  return `${ms.toFixed(3).padStart(12)}  ${who.padEnd(24)}  ${said}`
}
