export { type Codec, json, raw } from './codec.ts'
export { type ConnectOptions, connect } from './connect.ts'
export {
  type Contract,
  contract,
  type ErrorMap,
  type ErrorSpec,
  type Kind,
  type Method,
  type MethodOptions,
  oneway,
  unary,
} from './contract.ts'
export { type Handlers, implement, type Service } from './implement.ts'
export { isError } from './is-error.ts'
export type { Limits } from './limits.ts'
export type { Address, CallOptions, Client, CloseInfo, Ctx, Endpoint, Peer, PeerState } from './peer.ts'
export { type Code, RpcError, type RpcErrorOptions } from './rpc-error.ts'
export { type Schema, type } from './schema.ts'
export { type ServeOptions, Server, serve } from './serve.ts'
