// Whether a call that a peer opens may begin: there is such a method, it is called as what it is, and no limit is passed.

import type { Codec } from './codec.ts'
import type { OpenFrame } from './frame.ts'
import type { Handler } from './implement.ts'
import type { Limits } from './limits.ts'
import { RpcError } from './rpc-error.ts'
import { LAST, MORE, ONEWAY } from './wire.ts'

/** Why the call may not begin; undefined = it may. `running`: calls that take the same places. */
export function refusalFor(
  open: OpenFrame,
  flags: number,
  bytes: Uint8Array,
  end: number,
  handler: Handler | undefined,
  codec: Codec | undefined,
  running: number,
  limits: Required<Limits>,
): RpcError | undefined {
  if (handler === undefined) {
    const name = Buffer.from(bytes.subarray(open.methodAt, open.methodEnd)).toString('latin1')
    return new RpcError('UNIMPLEMENTED', `there is no method ${JSON.stringify(name)}`)
  }
  const { path, kind, sendsMany } = handler
  if (codec === undefined) {
    const own = `${handler.codec.id} (${handler.codec.name})`
    return new RpcError('UNIMPLEMENTED', `${path} takes encoding ${own}, not ${open.encoding}`)
  }
  const isOneway = (flags & ONEWAY) !== 0
  const isOpenEnded = (flags & (LAST | MORE)) === 0
  if ((isOpenEnded && !sendsMany) || (isOneway && (sendsMany || handler.returnsMany))) {
    return new RpcError('UNIMPLEMENTED', `${path} is of kind ${kind} and was called as another`)
  }
  const { maxStreams, maxMessage, maxMeta } = limits
  const length = open.hasMessage ? end - open.messageAt : 0
  const metaLength = open.messageAt - open.metaAt
  if (running < maxStreams && length <= maxMessage && metaLength <= maxMeta) return undefined
  let text = `${running} calls are running, the limit is maxStreams ${maxStreams}`
  if (length > maxMessage) text = `message of ${length} bytes or more exceeds maxMessage ${maxMessage}`
  if (metaLength > maxMeta) text = `metadata of ${metaLength} bytes exceeds maxMeta ${maxMeta}`
  return new RpcError('RESOURCE_EXHAUSTED', text)
}
