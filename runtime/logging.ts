/**
 * Where a node logs to: JSON lines for machines, short lines for people at a terminal.
 *
 * Written by a stream in this thread: pino's transports look for worker files that a bundle lacks.
 */

import pc from 'picocolors'
import { type DestinationStream, pino } from 'pino'
import type { Logger } from '../actors/log.ts'

export type LogLevel = 'debug' | 'info' | 'warn' | 'error' | 'silent'

export type LogOptions = {
  level: LogLevel
  /** JSON lines, or lines for people. */
  json: boolean
  /** Where lines go; each call is one whole line. */
  write: (line: string) => void
  /** On each line, such as `node`. */
  fields?: Record<string, unknown>
}

/** Fields that every line of pino's has; the rest are ids and belong to the event. */
const standard = new Set(['level', 'time', 'msg', 'err'])

const shownLevels: Record<number, string> = {
  20: pc.dim('debug'),
  30: pc.green(' info'),
  40: pc.yellow(' warn'),
  50: pc.red('error'),
  60: pc.red('fatal'),
}

function shown(value: unknown): string {
  return typeof value === 'string' && /^\S+$/.test(value) ? value : JSON.stringify(value)
}

/** `12:30:01.123  info  broker fenced  brokerId=2 from=unfenced to=fenced` */
export function humanLine(json: string): string {
  const entry = JSON.parse(json) as Record<string, unknown>
  const time = new Date(Number(entry['time'])).toISOString().slice(11, 23)
  const level = shownLevels[Number(entry['level'])] ?? String(entry['level'])
  const fields = Object.entries(entry)
    .filter(([name]) => !standard.has(name))
    .map(([name, value]) => pc.dim(`${name}=`) + shown(value))
  const error = entry['err'] as { message?: string; stack?: string } | undefined
  const why = error === undefined ? [] : [error.stack ?? error.message ?? '']
  return `${[pc.dim(time), level, entry['msg'], ...fields, ...why].join('  ')}\n`
}

export function createLogger({ level, json, write, fields = {} }: LogOptions): Logger {
  const stream: DestinationStream = {
    write: (line) => write(json ? line : humanLine(line)),
  }
  return pino({ level, base: null }, stream).child(fields)
}

export const silentLogger: Logger = createLogger({ level: 'silent', json: true, write: () => {} })

/** Logs to a stream of this process: for people where it is a terminal, JSON where it is not. */
export function streamLogger(
  stream: NodeJS.WriteStream,
  options: { level: LogLevel; json?: boolean; fields?: Record<string, unknown> },
): Logger {
  const json = options.json ?? !stream.isTTY
  return createLogger({ ...options, json, write: (line) => stream.write(line) })
}
