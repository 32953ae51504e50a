/**
 * What a command ends with when it cannot do its work: one line for what the user can mend, the
 * stack for what is our own bug.
 */
import pc from 'picocolors'
import { UserError } from '../config/user-error.ts'

type SystemError = Error & { code?: string; port?: number; path?: string; address?: string }

const systemLines: Record<string, (error: SystemError) => string> = {
  EADDRINUSE: ({ port }) =>
    `port ${port} is in use; stop what listens there, or choose another port (0: any free one)`,
  EADDRNOTAVAIL: ({ address }) =>
    `this machine has no address ${address}; correct the host in listeners`,
  EACCES: ({ port, path }) =>
    port === undefined
      ? `no permission for ${path}; run as its owner, or choose another folder`
      : `no permission to listen on port ${port}; choose one above 1023`,
  EEXIST: ({ path }) => `${path} is in the way; choose another folder`,
  ENOTDIR: ({ path }) => `${path} leads through a file; choose another folder`,
  ENOSPC: ({ path }) => `no space left on the disk${path === undefined ? '' : ` of ${path}`}`,
  EROFS: ({ path }) => `${path} is on a read-only disk; choose another folder`,
}

/** Undefined for what a user cannot mend. */
export function failureLine(error: unknown): string | undefined {
  for (let at: unknown = error; at instanceof Error; at = at.cause) {
    if (at instanceof UserError) return at.message
    const line = systemLines[(at as SystemError).code ?? '']
    if (line !== undefined) return line(at)
  }
  return undefined
}

/** Writes to standard error and sets the exit code; the process ends when nothing holds it. */
export function reportFailure(error: unknown, json = false): void {
  process.exitCode = 1
  const line = failureLine(error)
  if (json) {
    const message = line ?? (error instanceof Error ? error.message : String(error))
    console.log(JSON.stringify({ event: 'error', message }))
    return
  }
  if (line !== undefined) {
    console.error(`${pc.red('samsa:')} ${line}`)
    return
  }
  const stack = error instanceof Error ? (error.stack ?? error.message) : String(error)
  console.error(`${pc.red('samsa:')} this is a bug\n${stack}`)
}
