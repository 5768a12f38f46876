// Promises that wait for a condition of a connection. Each settles exactly once: when its condition holds, when its
// signal aborts, or when the connection is over.

import { abortedError } from './transport-error.ts'

interface Wait {
  isMet: () => boolean
  resolve: () => void
  reject: (error: Error) => void
}

export class WaitList {
  #waits: Set<Wait> | undefined // most connections never wait

  /** Waits until `isMet()` at one of the next calls of `check`. */
  add(action: string, isMet: () => boolean, signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      const wait: Wait = { isMet, resolve: () => settle(resolve), reject: (error) => settle(() => reject(error)) }
      const onAbort = (): void => wait.reject(abortedError(signal as AbortSignal, action))
      const settle = (done: () => void): void => {
        this.#waits?.delete(wait)
        signal?.removeEventListener('abort', onAbort)
        done()
      }
      this.#waits ??= new Set()
      this.#waits.add(wait)
      signal?.addEventListener('abort', onAbort, { once: true })
      if (signal?.aborted) onAbort()
    })
  }

  /** Resolves those whose condition holds now. */
  check(): void {
    if (this.#waits === undefined) return
    for (const wait of this.#waits) if (wait.isMet()) wait.resolve()
  }

  /** Rejects all. */
  fail(error: Error): void {
    for (const wait of this.#waits ?? []) wait.reject(error)
  }
}
