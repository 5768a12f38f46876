// Calls that an AbortSignal ends. A signal shared by many calls gets one listener, not one a call, and loses it with the
// last of them.

interface Abortable {
  abort(reason: unknown): void
}

export class SignalWatch {
  readonly #watched = new Map<AbortSignal, { calls: Set<Abortable>; onAbort: () => void }>()

  add(signal: AbortSignal, call: Abortable): void {
    const watched = this.#watched.get(signal)
    if (watched !== undefined) {
      watched.calls.add(call)
      return
    }
    const calls = new Set([call])
    const onAbort = (): void => {
      this.#watched.delete(signal)
      for (const each of calls) each.abort(signal.reason)
    }
    // First, for what is no signal throws here: then it is not watched.
    signal.addEventListener('abort', onAbort, { once: true })
    this.#watched.set(signal, { calls, onAbort })
  }

  delete(signal: AbortSignal, call: Abortable): void {
    const watched = this.#watched.get(signal)
    if (watched === undefined || !watched.calls.delete(call) || watched.calls.size > 0) return
    this.#watched.delete(signal)
    signal.removeEventListener('abort', watched.onAbort)
  }
}
