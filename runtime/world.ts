/**
 * What a node stands on: time, files, chance and sockets. The real ones in a process; a simulation
 * hands in its own, and everything above runs unchanged.
 */
import type { Clock } from '../actors/ports/clock.ts'
import type { Random } from '../actors/ports/random.ts'
import { type ListenerOptions, tcpListener } from '../transport/tcp/listener.ts'
import type { Accept, Listener } from '../transport/tcp/socket.ts'
import { systemClock } from './clock.ts'
import type { Disk } from './disk/disk.ts'
import { nodeDisk } from './disk/node-disk.ts'
import { systemRandom } from './random.ts'

export type World = {
  clock: Clock
  disk: Disk
  random: Random
  openListener(options: ListenerOptions, accept: Accept): Listener
}

export const systemWorld: World = {
  clock: systemClock,
  disk: nodeDisk,
  random: systemRandom,
  openListener: tcpListener,
}
