// One message, where a loop over all of them would say too much.
import type { Connection } from '@framewire/transport'

/** The next message of the connection. Rejects when it ends before one comes. */
export async function nextMessage(connection: Connection): Promise<Uint8Array> {
  for await (const message of connection) return message
  throw new Error('the connection ended before an answer came')
}
