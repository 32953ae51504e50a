/**
 * Runs until it is told to end: the first Ctrl-C stops cleanly, the second at once.
 *
 * One Ctrl-C may arrive as several signals, from the terminal and from foreman; what follows within
 * a second is the same one.
 */
import { performance } from 'node:perf_hooks'

type Running = {
  /** Resolves when everything is put away. */
  stop(): Promise<void>
  /** Settles only when a node fails by itself. */
  failed: Promise<Error>
  /** Told once, when the clean stop begins. */
  onStopping(): void
}

const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const
const sameMs = 1_000

/** @throws what a node failed with */
export async function untilStopped({ stop, failed, onStopping }: Running): Promise<void> {
  let firstAt: number | undefined
  const asked = new Promise<'asked'>((resolve) => {
    for (const signal of signals) {
      process.on(signal, () => {
        if (firstAt !== undefined && performance.now() - firstAt > sameMs) process.exit(130)
        firstAt ??= performance.now()
        resolve('asked')
      })
    }
  })
  const outcome = await Promise.race([asked, failed])
  if (outcome !== 'asked') throw outcome
  onStopping()
  await stop()
}
