/** Java's property files, as text and as a map: continuation lines, `:` and `=`, escapes. */
import { readFileSync } from 'node:fs'
import { parse } from 'dot-properties'
import { misconfigured } from './config-error.ts'

/** @throws ConfigError */
export function parseProperties(text: string): Map<string, string> {
  const properties = parse(text) as Record<string, string>
  return new Map(Object.entries(properties))
}

/** @throws ConfigError naming the file */
export function readProperties(file: string): Map<string, string> {
  try {
    return parseProperties(readFileSync(file, 'utf8'))
  } catch (error) {
    return misconfigured(`cannot read ${file}: ${(error as Error).message}`)
  }
}
