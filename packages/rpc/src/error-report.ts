// How the application is told of errors that belong to no caller. Nothing it throws then gets any further.

/** Gets what a handler threw that was no RpcError, and the method; '' where there is none. */
export type OnError = (error: unknown, method: string) => void

/** Where errors go that nobody asked for: seen, and not fatal. */
export function warn(error: unknown): void {
  process.emitWarning(error instanceof Error ? error : String(error))
}

/** What the application throws while it is told of an error is a warning: it ends no call, connection or process. */
export function guarded(onError: OnError): OnError {
  const warn = (thrown: unknown): void => {
    process.emitWarning(thrown instanceof Error ? thrown : 'onError threw something that is no Error')
  }
  return (error, method) => {
    try {
      const result: unknown = onError(error, method)
      if (result instanceof Promise) result.catch(warn)
    } catch (thrown) {
      warn(thrown)
    }
  }
}
