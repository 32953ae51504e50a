/** CPU and memory of processes, from Linux's /proc. */
import { readFileSync, writeFileSync } from 'node:fs'

/** USER_HZ, in which /proc tells times; 100 on every Linux that Node runs on. */
const ticksPerSecond = 100

/** Seconds of user and system time so far, of all of them. What has ended counts nothing. */
export const cpuSeconds = (pids: readonly number[]): number =>
  sum(pids, (pid) => {
    // The second field is a name in parentheses, which may hold spaces.
    const fields = read(`/proc/${pid}/stat`).split(') ')[1]?.split(' ') ?? []
    return (Number(fields[11] ?? 0) + Number(fields[12] ?? 0)) / ticksPerSecond
  })

/** MB resident now. */
export const residentMb = (pids: readonly number[]): number => statusMb(pids, 'VmRSS')

/** MB resident at most since the start, or since `forgetPeak`. */
export const peakMb = (pids: readonly number[]): number => statusMb(pids, 'VmHWM')

export function forgetPeak(pids: readonly number[]): void {
  for (const pid of pids) writeFileSync(`/proc/${pid}/clear_refs`, '5')
}

const statusMb = (pids: readonly number[], field: string): number =>
  sum(pids, (pid) => {
    const kb = new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(read(`/proc/${pid}/status`))?.[1]
    return Number(kb ?? 0) / 1024
  })

const sum = (pids: readonly number[], of: (pid: number) => number): number =>
  pids.reduce((all, pid) => all + of(pid), 0)

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}
