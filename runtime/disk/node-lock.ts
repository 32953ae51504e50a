/**
 * A lock file that names its process, since Node has no flock.
 *
 * The holder is known by its pid, the moment it started and the boot it belongs to, so that a pid
 * that was given out again, or a file that a crash or Kafka left behind, holds nothing. The file
 * appears with its content at once (link), and whoever takes over a stale one first moves it aside
 * and looks again, so that of two that find it stale one wins.
 */
import { linkSync, readFileSync, renameSync, unlinkSync, writeFileSync } from 'node:fs'
import type { DiskLock } from './disk.ts'

type Holder = { pid: number; started: string }

let attempts = 0

export function lockFile(path: string): DiskLock | string {
  const content = JSON.stringify(self())
  for (let tries = 0; tries < 3; tries++) {
    if (createWith(path, content)) return { release: () => release(path, content) }
    const found = read(path)
    if (found === undefined) continue
    const holder = livingHolder(found)
    if (holder !== undefined) return `process ${holder.pid}`
    moveAside(path, found)
  }
  return 'another process, which took it at the same moment'
}

function createWith(path: string, content: string): boolean {
  const draft = `${path}.${process.pid}.${attempts++}`
  writeFileSync(draft, content)
  try {
    linkSync(draft, path)
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false
    throw error
  } finally {
    unlinkSync(draft)
  }
}

function moveAside(path: string, stale: string) {
  const aside = `${path}.${process.pid}.${attempts++}`
  try {
    renameSync(path, aside)
    // Somebody was faster: what was moved is a living lock, so it goes back.
    if (read(aside) !== stale) linkSync(aside, path)
    unlinkSync(aside)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code !== 'ENOENT' && code !== 'EEXIST') throw error
  }
}

function release(path: string, content: string) {
  if (read(path) === content) unlinkSync(path)
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}

const self = (): Holder => ({ pid: process.pid, started: startOf(process.pid) ?? '' })

/** Kafka's lock file is empty, and so holds nothing here. */
function livingHolder(content: string): Holder | undefined {
  try {
    const { pid, started } = JSON.parse(content) as Holder
    if (!isAlive(pid)) return undefined
    return (startOf(pid) ?? started) === started ? { pid, started } : undefined
  } catch {
    return undefined
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}

/** Boot and ticks since it (field 22 of stat, counted behind the name); undefined where unknown. */
function startOf(pid: number): string | undefined {
  try {
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    return `${boot}/${stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19]}`
  } catch {
    return undefined
  }
}
