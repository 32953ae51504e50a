/** What a suite's process said about its tests: uvu's summary, and lines that begin with SKIP. */

export type Outcome = { passed: number; failed: number; skipped: number; why: string | undefined }

export type Ended = { output: string; code: number | null; timedOut: boolean; strict: boolean }

const count = (output: string, label: string): number =>
  [...output.matchAll(new RegExp(`^ {2}${label}: +(\\d+)`, 'gm'))].reduce(
    (sum, [, digits]) => sum + Number(digits),
    0,
  )

// biome-ignore lint/suspicious/noControlCharactersInRegex: colours are made of control characters
const plain = (text: string): string => text.replace(/\u001b\[[0-9;]*m/g, '')

/**
 * A process that dies, hangs or runs no test has failed, whatever its summary says.
 * @param ended.strict what was skipped counts as failed, since everything should be here
 */
export function outcomeOf({ output, code, timedOut, strict }: Ended): Outcome {
  const text = plain(output)
  const total = count(text, 'Total')
  const passed = count(text, 'Passed')
  const reasons = [...text.matchAll(/^SKIP (.+)$/gm)].map(([, reason]) => reason!)
  const skipped = count(text, 'Skipped') + reasons.length
  const outcome = { passed, failed: total - passed, skipped, why: undefined }
  const broken = (why: string) => ({ ...outcome, failed: Math.max(1, outcome.failed), why })
  if (timedOut) return broken('ran out of time')
  if (code !== 0 && outcome.failed === 0) return broken(`ended with code ${code}`)
  if (total === 0 && skipped === 0) return broken('ran no tests')
  if (strict && skipped > 0) {
    return {
      ...outcome,
      failed: outcome.failed + skipped,
      skipped: 0,
      why: `skipped with CI=true: ${reasons.join('; ') || 'a skipped test'}`,
    }
  }
  return outcome
}
