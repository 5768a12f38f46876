// What the process can be told about connections through node:diagnostics_channel. Without subscribers it costs a look.

import { type Channel, channel, type TracingChannel, tracingChannel } from 'node:diagnostics_channel'

/** `{ connection }`, once it is made. */
export const CONNECTION_OPEN: Channel = channel('framewire:connection:open')
/** `{ connection, info }`, once it is over. */
export const CONNECTION_CLOSE: Channel = channel('framewire:connection:close')
/** `{ server, reason, remote }`, for a socket that did not become a connection. */
export const SERVER_DROP: Channel = channel('framewire:server:drop')

const CONNECT: TracingChannel<string, ConnectTrace> = tracingChannel<string, ConnectTrace>('framewire:connect')

/** What the events of `framewire:connect` carry; `result` is the connection, `error` the TransportError. */
export interface ConnectTrace {
  address: string
  result?: unknown
  error?: unknown
}

/** Makes a connection, seen by those who subscribed to `framewire:connect`. */
export function traceConnect<T>(address: string, connect: () => Promise<T>): Promise<T> {
  const { start, end, asyncStart, asyncEnd, error } = CONNECT
  const isWatched = [start, end, asyncStart, asyncEnd, error].some(({ hasSubscribers }) => hasSubscribers)
  return isWatched ? (CONNECT.tracePromise(connect, { address }) as Promise<T>) : connect()
}
