// Netty: LengthFieldBasedFrameDecoder with the parameters of its documentation, LengthFieldPrepender, varint, delimiters.

import { existsSync } from 'node:fs'
import { basename, delimiter as pathDelimiter } from 'node:path'
import { fileURLToPath } from 'node:url'
import {
  decodeAll,
  delimiter,
  encode,
  type Framing,
  type LengthFieldOptions,
  lengthField,
  lines,
} from '@framewire/codec'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { protobufMessages } from '../../src/protocols/protobuf.ts'
import { SEED } from '../protocols/random-source.ts'
import { findProgram, run, ServerProcess, subfolders, TemporaryFolder } from '../protocols/server-process.ts'
import { hex, utf8 } from '../protocols/vectors.ts'
import { exchange, payloads, reversed } from './exchange.ts'

type Order = 'big' | 'little'

/** Netty's LengthFieldBasedFrameDecoder(offset, length, adjustment, strip), as the same four numbers in our options. */
interface DecoderCase {
  name: string
  order?: Order
  offset: number
  length: 1 | 2 | 3 | 4 | 8
  adjustment: number
  strip: number
  /** Of ours: the header up to the payload, which Netty does not ask for. */
  headerLength?: number
  header?: Uint8Array
}

/** The examples of the class's documentation, with the bytes it shows. */
const DOCUMENTED: (DecoderCase & { wire: Uint8Array })[] = [
  { name: 'do not strip header', offset: 0, length: 2, adjustment: 0, strip: 0, wire: hex('000c') },
  { name: 'strip header', offset: 0, length: 2, adjustment: 0, strip: 2, wire: hex('000c') },
  { name: 'the length of the whole message', offset: 0, length: 2, adjustment: -2, strip: 0, wire: hex('000e') },
  {
    name: 'header in front',
    offset: 2,
    length: 3,
    adjustment: 0,
    strip: 0,
    header: hex('cafe 000000'),
    wire: hex('cafe 00000c'),
  },
  {
    name: 'header behind',
    offset: 0,
    length: 3,
    adjustment: 2,
    strip: 0,
    headerLength: 5,
    header: hex('000000 cafe'),
    wire: hex('00000c cafe'),
  },
  {
    name: 'headers on both sides',
    offset: 1,
    length: 2,
    adjustment: 1,
    strip: 3,
    headerLength: 4,
    header: hex('ca 0000 fe'),
    wire: hex('ca 000c fe'),
  },
  {
    name: 'headers on both sides, whole length',
    offset: 1,
    length: 2,
    adjustment: -3,
    strip: 3,
    headerLength: 4,
    header: hex('ca 0000 fe'),
    wire: hex('ca 0010 fe'),
  },
]

const FURTHER: DecoderCase[] = [
  { name: 'one byte', offset: 0, length: 1, adjustment: 0, strip: 1 },
  { name: 'four bytes little endian', order: 'little', offset: 0, length: 4, adjustment: 0, strip: 4 },
  { name: 'eight bytes', offset: 0, length: 8, adjustment: 0, strip: 8 },
  {
    name: 'three bytes little endian behind four others',
    order: 'little',
    offset: 4,
    length: 3,
    adjustment: 0,
    strip: 7,
  },
  { name: 'PostgreSQL', offset: 1, length: 4, adjustment: -4, strip: 0, header: hex('51 00000000') },
  {
    name: 'HTTP/2',
    offset: 0,
    length: 3,
    adjustment: 6,
    strip: 0,
    headerLength: 9,
    header: hex('000000 00 01 00000001'),
  },
]

/** Netty's LengthFieldPrepender(order, length, adjustment, includesItself). */
const PREPENDERS: [order: Order, length: 1 | 2 | 3 | 4 | 8, adjustment: number, includesItself: boolean][] = [
  ['big', 1, 0, false],
  ['little', 2, 0, true],
  ['big', 3, 5, false],
  ['little', 3, 0, false],
  ['big', 4, 7, true],
  ['little', 8, 0, true],
]

function decoderFraming({ order = 'big', offset, length, adjustment, strip, headerLength }: DecoderCase): Framing {
  const options: LengthFieldOptions = {
    byteOrder: order,
    lengthFieldOffset: offset,
    lengthFieldLength: length,
    lengthCounts: adjustment,
    stripHeader: strip,
  }
  return lengthField(headerLength === undefined ? options : { ...options, headerLength })
}

const decoderConfig = ({ order = 'big', offset, length, adjustment, strip }: DecoderCase): string =>
  ['field', order, offset, length, adjustment, strip].join(' ')

const java = findProgram('java')
const javac = findProgram('javac')
const JARS = ['netty-buffer', 'netty-codec', 'netty-common', 'netty-resolver', 'netty-transport', 'jctools-core'].map(
  (name) => `/usr/share/java/${name}.jar`,
)
const version = subfolders('/usr/share/maven-repo/io/netty/netty-codec')
  .map((folder) => basename(folder))
  .find((name) => /^\d/.test(name))
const source = fileURLToPath(new URL('peers/Echo.java', import.meta.url))

describe('the examples in the documentation of LengthFieldBasedFrameDecoder', () => {
  test.each(DOCUMENTED)('$name', (each) => {
    const hello = utf8('HELLO, WORLD')
    const framing = decoderFraming(each)
    const wire = encode(framing, hello, each.header)
    expect(wire).toEqual(Uint8Array.of(...each.wire, ...hello))
    expect(decodeAll(framing, wire)).toEqual([wire.subarray(each.strip)])
  })
})

if (java === undefined || javac === undefined) test.skip('frames of Netty: not run, no JDK is installed', () => {})
else if (!JARS.every((jar) => existsSync(jar))) {
  test.skip('frames of Netty: not run, libnetty-java is not installed', () => {})
} else
  describe(`Netty ${version} (seed ${SEED})`, () => {
    let folder: TemporaryFolder
    let server: ServerProcess
    beforeAll(async () => {
      folder = new TemporaryFolder()
      await run(javac, ['-Xlint:all', '-Xmaxerrs', '5', '-cp', JARS.join(pathDelimiter), '-d', folder.path, source])
      const classPath = [...JARS, folder.path].join(pathDelimiter)
      server = await ServerProcess.start(java, (port) => ['-cp', classPath, 'Echo', `${port}`])
    }, 120_000)
    afterAll(async () => {
      await server?.stop()
      folder?.remove()
    })

    test.each([...DOCUMENTED, ...FURTHER])('reads our frames as we read them: $name', async (each) => {
      const framing = decoderFraming(each)
      const wires = payloads(framing, 60_000).map((payload) => encode(framing, payload, each.header))
      const config = `${decoderConfig(each)} ; field big 4 0 false`
      const received = await exchange({ port: server.port, config, wires, receives: lengthField() })
      expect(received).toEqual(reversed(decodeAll(framing, wires)))
    })

    test.each(PREPENDERS)(
      'we read frames of LengthFieldPrepender(%s, %i, %i, %s)',
      async (order, length, adjustment, includes) => {
        const receives = lengthField({
          byteOrder: order,
          lengthFieldLength: length,
          lengthCounts: -adjustment - (includes ? length : 0),
        })
        const sent = payloads(receives, 60_000)
        const wires = sent.map((payload) => encode(lengthField(), payload))
        const config = `field big 0 4 0 4 ; field ${order} ${length} ${adjustment} ${includes}`
        expect(await exchange({ port: server.port, config, wires, receives })).toEqual(reversed(sent))
      },
    )

    test('varint, both directions', async () => {
      const framing = protobufMessages()
      const sent = payloads(framing)
      const wires = sent.map((payload) => encode(framing, payload))
      const config = 'varint ; varint'
      expect(await exchange({ port: server.port, config, wires, receives: framing })).toEqual(reversed(sent))
    })

    test.each([
      ['nul', delimiter('\0')],
      ['lines', lines()],
      ['lines', lines({ eol: '\r\n' })],
    ])('%s', async (decoder, framing) => {
      const sent = payloads(framing).map((payload) => payload.map((byte) => byte | 0x20))
      const wires = sent.map((payload) => encode(framing, payload))
      const config = `${decoder} ; field big 4 0 false`
      expect(await exchange({ port: server.port, config, wires, receives: lengthField() })).toEqual(reversed(sent))
    })
  })
