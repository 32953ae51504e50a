/** A configuration that no node can run with. */
import { UserError } from './user-error.ts'

export class ConfigError extends UserError {
  constructor(message: string) {
    super(message)
    this.name = 'ConfigError'
  }
}

export function misconfigured(message: string): never {
  throw new ConfigError(message)
}
