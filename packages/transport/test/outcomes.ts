// The actions of a simulated run: every one must have one outcome.

import { TransportError } from '../src/transport-error.ts'

/** Actions that were begun and must end, once, and with nothing but a TransportError. */
export class Outcomes {
  readonly #violations: string[]
  readonly #open = new Map<number, string>()
  #next = 0

  constructor(violations: string[]) {
    this.#violations = violations
  }

  /** Waits for the end of an action; what it fails with is its outcome. */
  async of<T>(action: string, promise: Promise<T>): Promise<T | undefined> {
    const id = this.#next++
    this.#open.set(id, action)
    try {
      return await promise
    } catch (error) {
      this.failed(action, error)
      return undefined
    } finally {
      this.#open.delete(id)
    }
  }

  /** An action has failed. */
  failed(action: string, error: unknown): void {
    if (error instanceof TransportError) return
    this.#violations.push(`I2 ${action} failed with ${String(error)}`)
  }

  checkSettled(): void {
    for (const action of this.#open.values()) this.#violations.push(`I2 ${action} has no outcome`)
  }
}
