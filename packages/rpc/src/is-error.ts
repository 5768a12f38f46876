// Tells one error of a contract from all others, with its details typed.

import type { DetailsOf, ErrorsOf } from './contract.ts'
import { RpcError } from './rpc-error.ts'

/** Whether a call of `method` failed with the contract's error `name`; narrows to its details. */
export function isError<D, N extends keyof ErrorsOf<D> & string>(
  error: unknown,
  _method: D,
  name: N,
): error is RpcError<DetailsOf<ErrorsOf<D>[N]>> {
  return error instanceof RpcError && error.appName === name
}
