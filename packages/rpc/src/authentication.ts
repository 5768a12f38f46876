// Who the peer is, before anything else of it is read.

import type { OnError } from './error-report.ts'
import type { Meta } from './meta.ts'
import type { Peer } from './peer.ts'
import { RpcError } from './rpc-error.ts'

/** Throws, rejects or answers false for a peer that may not call here. */
export type Authenticate = (hello: Meta, peer: Peer) => unknown

const REFUSED = 'the peer was refused'

/** Why the peer may not call here; undefined = it may. Only what an RpcError says is told to the peer. */
export async function refusalOf(
  authenticate: Authenticate,
  hello: Meta,
  peer: Peer,
  onError: OnError,
): Promise<string | undefined> {
  try {
    return (await authenticate(hello, peer)) === false ? REFUSED : undefined
  } catch (error) {
    if (error instanceof RpcError) return error.message
    onError(error, '')
    return REFUSED
  }
}
