// DNS over TCP against dnsmasq: many queries on one connection, answers larger than a UDP packet.

import { encode } from '@framewire/codec'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { dnsMessages } from '../../src/protocols/dns.ts'
import { FrameClient } from './frame-client.ts'
import { connectTo, findProgram, ServerProcess } from './server-process.ts'
import { concat, hex, utf8 } from './vectors.ts'

const dnsmasq = findProgram('dnsmasq')
const TEXT = Array.from({ length: 20 }, (_, index) => String.fromCharCode(97 + index).repeat(200))

function query(id: number, name: string, type: number): Uint8Array {
  const labels = name.split('.').map((label) => concat(Uint8Array.of(label.length), utf8(label)))
  return concat(
    Uint8Array.of(id >> 8, id),
    hex('0100 0001 0000 0000 0000'),
    ...labels,
    hex('00'),
    Uint8Array.of(0, type),
    hex('0001'),
  )
}

const view = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)

if (dnsmasq === undefined) test.skip('DNS over TCP to dnsmasq: not run, dnsmasq is not installed', () => {})
else
  describe('DNS over TCP to dnsmasq', () => {
    let server: ServerProcess
    let client: FrameClient
    beforeAll(async () => {
      const zone = ['--host-record=one.framewire.test,192.0.2.1', `--txt-record=big.framewire.test,${TEXT.join()}`]
      const alone = ['--no-daemon', '--conf-file=/dev/null', '--no-resolv', '--no-hosts', '--pid-file=']
      const where = ['--listen-address=127.0.0.1', '--bind-interfaces']
      server = await ServerProcess.start(dnsmasq, (port) => [...alone, ...where, ...zone, `--port=${port}`])
    })
    beforeEach(async () => {
      client = new FrameClient(await connectTo(server.port), dnsMessages)
    })
    afterEach(() => client?.close())
    afterAll(() => server?.stop())

    test('answers a query', async () => {
      await client.send(encode(dnsMessages, query(0xbeef, 'one.framewire.test', 1)))
      const answer = await client.next()
      expect(view(answer).getUint16(0)).toBe(0xbeef)
      expect(view(answer).getUint16(6)).toBe(1) // ANCOUNT
      expect(answer.subarray(-4)).toEqual(Uint8Array.of(192, 0, 2, 1))
    })

    test('answers a hundred queries in order, written in pieces of a few bytes', async () => {
      const ids = Array.from({ length: 100 }, (_, index) => 1000 + index)
      const wire = concat(...ids.map((id) => encode(dnsMessages, query(id, 'one.framewire.test', 1))))
      const sent = client.send(wire, 40)
      for (const id of ids) expect(view(await client.next()).getUint16(0)).toBe(id)
      await sent
    })

    test('answers with more than UDP carries, not truncated', async () => {
      await client.send(encode(dnsMessages, query(7, 'big.framewire.test', 16)), 3)
      const answer = await client.next()
      expect(answer.length).toBeGreaterThan(4000)
      expect(view(answer).getUint16(2) & 0x0200).toBe(0) // TC
      for (const text of TEXT) expect(Buffer.from(answer).includes(text)).toBe(true)
    })
  })
