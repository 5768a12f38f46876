export type { Authenticate } from './authentication.ts'
export { type Codec, json, raw } from './codec.ts'
export { type ConnectOptions, connect, type ReconnectOptions } from './connect.ts'
export {
  bidi,
  type Contract,
  clientStream,
  contract,
  type ErrorMap,
  type ErrorSpec,
  type Kind,
  type Method,
  type MethodOptions,
  oneway,
  serverStream,
  unary,
} from './contract.ts'
export { type Handlers, implement, type Service } from './implement.ts'
export type { Call, Interceptor, Reply } from './interceptor.ts'
export { isError } from './is-error.ts'
export type { Limits } from './limits.ts'
export { Meta, type MetaInit } from './meta.ts'
export type {
  Address,
  CallOptions,
  Client,
  ClientOf,
  CloseInfo,
  Ctx,
  Endpoint,
  MessageStream,
  Peer,
  PeerState,
  TlsInfo,
} from './peer.ts'
export { type Code, RpcError, type RpcErrorOptions } from './rpc-error.ts'
export { type Schema, type } from './schema.ts'
export { type ServeOptions, Server, serve } from './serve.ts'
