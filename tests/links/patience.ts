/** Waits with an end: a promise that is broken fails its scenario, and hangs none. */

/** Far above what anything here takes. */
const patienceMs = 60_000

const wait = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms))

export async function until(what: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = performance.now() + patienceMs
  while (!(await what())) {
    if (performance.now() > deadline) throw new Error(`not within ${patienceMs} ms: ${what}`)
    await wait(5)
  }
}

/** The same promise, which fails when it takes too long. */
export async function within<T>(what: string, promise: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what}: not within ${patienceMs} ms`)), patienceMs)
  })
  try {
    return await Promise.race([promise, late])
  } finally {
    clearTimeout(timer)
  }
}
