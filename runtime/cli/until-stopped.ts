/** Runs until it is told to end: the first Ctrl-C stops cleanly, the second at once. */
type Running = {
  /** Resolves when everything is put away. */
  stop(): Promise<void>
  /** Settles only when a node fails by itself. */
  failed: Promise<Error>
  /** Told once, when the clean stop begins. */
  onStopping(): void
}

const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

/** @throws what a node failed with */
export async function untilStopped({ stop, failed, onStopping }: Running): Promise<void> {
  let stopping = false
  const asked = new Promise<'asked'>((resolve) => {
    for (const signal of signals) {
      process.on(signal, () => {
        if (stopping) process.exit(130)
        stopping = true
        resolve('asked')
      })
    }
  })
  const outcome = await Promise.race([asked, failed])
  if (outcome !== 'asked') throw outcome
  onStopping()
  await stop()
}
