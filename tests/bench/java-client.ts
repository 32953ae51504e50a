/** Kafka's own clients as load: its performance tools, run once for each measurement. */
import { run } from '../real/support/processes.ts'
import { kafkaLibs } from '../support/peers.ts'

export type JavaAnswer = {
  lines: string[]
  /** Seconds, start of the JVM and its compilers included. */
  clientCpu: number
}

/** @throws what the tool says */
export async function javaClient(
  tool: 'ProducerPerformance' | 'ConsumerPerformance' | 'EndToEndLatency',
  args: string[],
): Promise<JavaAnswer> {
  const java = ['java', '-Xmx512M', '-cp', `${kafkaLibs}/*`, `org.apache.kafka.tools.${tool}`]
  // The shell tells what its children used, once they have ended.
  const script = '"$@" || exit $?; times'
  const lines = await run('bash', ['-c', script, 'bash', ...java, ...args], { timeoutMs: 600_000 })
  return { lines: lines.slice(0, -2), clientCpu: secondsOf(lines.at(-1) ?? '') }
}

/** `0m1.250s 0m0.310s`: user and system. */
const secondsOf = (line: string): number =>
  [...line.matchAll(/(\d+)m([\d.]+)s/g)].reduce(
    (sum, [, minutes, seconds]) => sum + Number(minutes) * 60 + Number(seconds),
    0,
  )

/** The number that a pattern's only group finds in the last line that has it. */
export function numberIn({ lines }: JavaAnswer, pattern: RegExp): number {
  const found = lines.map((line) => pattern.exec(line)?.[1]).findLast((text) => text !== undefined)
  if (found === undefined) throw new Error(`no ${pattern} in\n${lines.join('\n')}`)
  return Number(found)
}
