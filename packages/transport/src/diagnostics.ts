// What the process can be told about connections through node:diagnostics_channel. Without subscribers it costs a look.

import { type Channel, channel } from 'node:diagnostics_channel'

/** `{ connection }`, once it is made. */
export const CONNECTION_OPEN: Channel = channel('framewire:connection:open')
/** `{ connection, info }`, once it is over. */
export const CONNECTION_CLOSE: Channel = channel('framewire:connection:close')
