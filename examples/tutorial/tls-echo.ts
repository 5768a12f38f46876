// The echo server over TLS. Its certificate is made when it starts and trusted by who is given it: see how it is called.
//
// The naive version turns the check off (`rejectUnauthorized: false`), and then anybody between the two can read along.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { lines } from '@framewire/codec'
import { type Endpoint, formatAddress, listen } from '@framewire/transport'
import { generate } from 'selfsigned'

const [address = 'tls://127.0.0.1:8126'] = process.argv.slice(2)

/** For this machine alone, for a day. The key never leaves the process. */
async function makeIdentity(): Promise<{ cert: string; key: string }> {
  const notAfterDate = new Date(Date.now() + 24 * 60 * 60 * 1000)
  const altNames = [{ type: 2, value: 'localhost' } as const, { type: 7, ip: '127.0.0.1' } as const]
  const extensions = [{ name: 'subjectAltName', altNames } as const]
  const options = { keyType: 'ec' as const, algorithm: 'sha256', notAfterDate, extensions }
  const made = await generate([{ name: 'commonName', value: 'localhost' }], options)
  return { cert: made.cert, key: made.private }
}

const folder = mkdtempSync(join(tmpdir(), 'framewire-tls-'))
const file = join(folder, 'certificate.pem')
process.once('exit', () => rmSync(folder, { recursive: true }))

try {
  const tls = await makeIdentity()
  const server = await listen(address, { tls, framing: lines({ unterminated: 'emit' }) }, async (connection) => {
    console.log(`client ${connection.id} speaks ${connection.tls?.protocol}`)
    for await (const line of connection) if (!connection.send(line)) await connection.drained()
  })
  server.on('drop', (reason) => console.log(`a client was not let in: ${reason.message}`))
  for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, () => server.close({ drainTimeoutMs: 1_000 }))
  writeFileSync(file, tls.cert)
  const where = formatAddress({ ...(server.addresses[0] as Endpoint), tls: true })
  console.log(`listening on ${where}; now try`)
  console.log(`npm run example -- line-client ${where} ${file}`)
} catch (error) {
  console.error(`cannot listen: ${(error as Error).message}`)
  process.exitCode = 1
}
