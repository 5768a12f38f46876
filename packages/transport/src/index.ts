export { type Address, formatAddress, type ListenAddress } from './address.ts'
export { type AttachOptions, attach } from './attach.ts'
export type { BackoffOptions } from './backoff.ts'
export type { ByteChannel } from './byte-channel.ts'
export { type Clock, systemClock, type Timer } from './clock.ts'
export { type ConnectOptions, connect } from './connect.ts'
export type { Connection } from './connection.ts'
export type { CloseInfo, ConnectionState } from './connection-state.ts'
export type { ConnectionStats } from './connection-stats.ts'
export type { ServerCloseInfo } from './drain.ts'
export type { Endpoint } from './endpoint.ts'
export type { ConnectionOptions } from './options.ts'
export type { ProxyProtocolOptions } from './proxy-source.ts'
export {
  createReconnector,
  type Reconnector,
  type ReconnectorCloseInfo,
  type ReconnectorOptions,
  type ReconnectorState,
} from './reconnector.ts'
export { listen, type Server, type ServerState } from './server.ts'
export type { ServerOptions } from './server-options.ts'
export type { ServerStats } from './server-stats.ts'
export type { TlsInfo } from './tls-info.ts'
export type { ClientTlsOptions, ServerTlsOptions, TlsContextOptions } from './tls-options.ts'
export { TransportError, type TransportErrorCode } from './transport-error.ts'
export type { Heartbeat } from './watchdog.ts'
