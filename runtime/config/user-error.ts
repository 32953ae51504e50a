/** What a user asked for cannot be done: one line that says why and what would do. No stack is shown. */
export class UserError extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'UserError'
  }
}
