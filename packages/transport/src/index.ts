export type { Address } from './address.ts'
export { type AttachOptions, attach } from './attach.ts'
export type { BackoffOptions } from './backoff.ts'
export type { ByteChannel } from './byte-channel.ts'
export type { Clock, Timer } from './clock.ts'
export { type ConnectOptions, connect } from './connect.ts'
export type { Connection, ConnectionStats } from './connection.ts'
export type { CloseInfo, ConnectionState } from './connection-state.ts'
export type { Endpoint } from './endpoint.ts'
export type { ConnectionOptions } from './options.ts'
export {
  createReconnector,
  type Reconnector,
  type ReconnectorCloseInfo,
  type ReconnectorOptions,
  type ReconnectorState,
} from './reconnector.ts'
export { listen, type Server, type ServerCloseInfo, type ServerOptions } from './server.ts'
export { TransportError, type TransportErrorCode } from './transport-error.ts'
export type { Heartbeat } from './watchdog.ts'
