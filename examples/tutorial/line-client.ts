// A client for people: each line of standard input goes to the server, each line of the server is printed. It serves
// echo-server, unix-server, tls-echo and greeting, and `nc` serves as well as it does.
//
// The naive version sends each `data` event of standard input, which is a line only as long as a person types, never
// looks at what write() answers, and exits at the end of its input with replies still on their way.
import { readFileSync } from 'node:fs'
import { frames, lines } from '@framewire/codec'
import { type Connection, connect } from '@framewire/transport'

const [address = 'tcp://127.0.0.1:8124', certificate] = process.argv.slice(2)
const framing = lines({ unterminated: 'emit' })

async function sendLines(connection: Connection): Promise<void> {
  for await (const line of frames(process.stdin, framing)) {
    // Waiting here stops the reading of standard input too: a file of any size goes through in little memory.
    if (!connection.send(line)) await connection.drained()
  }
  // Our end: what was sent goes out, and replies are printed until the server ends too, however long that takes.
  await connection.close({ timeoutMs: Number.POSITIVE_INFINITY })
}

async function talk(): Promise<void> {
  const tls = certificate === undefined ? undefined : { ca: readFileSync(certificate) }
  const connection = await connect(address, { framing, tls })
  process.once('SIGINT', () => connection.close({ timeoutMs: 1_000 }))
  console.error(`connected to ${address}; end with Ctrl-D`)
  connection.on('message', (line) => console.log(Buffer.from(line).toString()))
  connection.once('close', ({ initiator, error }) => {
    if (error) console.error(`the connection was lost: ${error.message}`)
    else if (initiator === 'peer') console.error('the server has closed the connection')
    if (error) process.exitCode = 1
    process.stdin.destroy() // else a terminal would keep the process waiting for a line
  })
  try {
    await sendLines(connection)
  } catch (error) {
    // Standard input was cut short by the end of the connection, which has been told.
    if (connection.state === 'open') throw error
    await connection.closed
  }
}

try {
  await talk()
} catch (error) {
  console.error(`no connection to ${address}: ${(error as Error).message}`)
  process.exitCode = 1
}
