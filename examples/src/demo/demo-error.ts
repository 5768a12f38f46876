// Why the demo ends early, in one sentence for its user, and the exit code that says so to a script.

export class DemoError extends Error {
  override readonly name = 'DemoError'
  readonly exitCode: number

  constructor(exitCode: number, message: string) {
    super(message)
    this.exitCode = exitCode
  }
}

/** A claim on the screen that must hold: the demo ends with exit code 1 where it does not. */
export function check(isTrue: boolean, failure: string): asserts isTrue {
  if (!isTrue) throw new DemoError(1, failure)
}
