// The process behind echo-process.ts. It runs the built package, as a user's process would.
import { connect, listen } from '../dist/index.js'

const { connectTo, heartbeat } = JSON.parse(process.argv[2] ?? '{}')
process.once('disconnect', () => process.exit(0))
if (connectTo === undefined) {
  const server = await listen('tcp://127.0.0.1:0', {}, (connection) => {
    connection.on('message', (message) => connection.send(message))
  })
  process.send?.(server.addresses[0])
} else {
  const beat = { ...heartbeat, message: new Uint8Array(1) }
  const connection = await connect(connectTo, { heartbeat: beat })
  connection.on('message', () => {})
  process.on('message', () => process.send?.(connection.state))
  process.send?.(connection.remote)
}
