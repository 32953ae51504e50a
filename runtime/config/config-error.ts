/** What a user wrote cannot be run: one line that says what is wrong and what would do. */
export class ConfigError extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'ConfigError'
  }
}

export function misconfigured(message: string): never {
  throw new ConfigError(message)
}
