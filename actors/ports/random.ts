/** Chance, as every actor sees it: a seed in simulation, the system's generator in a process. */
export type Random = {
  /** A float in [0, 1). */
  next(): number
  /** An integer in [0, bound). */
  below(bound: number): number
  /** A random uuid as Kafka prints it: 22 characters of base64url, never one of the reserved ones. */
  uuid(): string
}
