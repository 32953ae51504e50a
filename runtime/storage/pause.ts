/** Lets the loop turn between slices of long work. */
import type { Timers } from '../../transport/timers.ts'

export const pauseOf =
  (timers: Timers): (() => Promise<void>) =>
  () =>
    new Promise((resolve) => {
      timers.setTimeout(resolve, 0)
    })
