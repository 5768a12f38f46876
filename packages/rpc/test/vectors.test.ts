import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { readEnd, readHello, readMeta, readOpen } from '../src/frame.ts'
import type { FrameWriter } from '../src/frame-writer.ts'
import { Meta } from '../src/meta.ts'
import { type Code, codeName, codeNumber } from '../src/rpc-error.ts'
import { GOAWAY_REASONS, type GoawayReason, readU32 } from '../src/wire.ts'
import { readFrames } from './frames.ts'
import { frameOf, VECTORS, type Vector, vectorsOf } from './vectors.ts'
import { written } from './written.ts'

const TYPES = ['HELLO', 'PING', 'GOAWAY', 'OPEN', 'DATA', 'END', 'CANCEL', 'CREDIT']
const FLAGS = { LAST: 0x01, MORE: 0x02, NONE: 0x08, ONEWAY: 0x10 } as const

type Write = (writer: FrameWriter, fields: Vector['fields']) => void

/** How each frame is written from the fields of its vector. */
const WRITE: Record<string, Write> = {
  HELLO: (writer, { settings, meta }) => writer.hello(new Map(settings as [number, number][]), metaOf(meta)),
  PING: (writer, { opaque, flags }) =>
    writer[(flags as string[]).length > 0 ? 'pong' : 'ping'](Buffer.from(opaque as string, 'hex')),
  GOAWAY: (writer, { lastStreamId, reason, text }) =>
    writer.goaway(lastStreamId as number, reason as GoawayReason, text as string),
  OPEN: (writer, { streamId, flags, timeoutMs, encoding, method, meta, message }) => {
    const name = Buffer.from(method as string)
    const target = Buffer.concat([Uint8Array.of(name.length), name])
    const head = { timeoutMs: timeoutMs as number, encoding: encoding as number, method: target, meta: metaOf(meta) }
    const room = writer.roomFor(message as string, writer.openLength(target, head.meta))
    writer.open(streamId, bitsOf(flags), head, message as string, room)
  },
  DATA: (writer, { streamId, flags, message }) =>
    writer.data(streamId, bitsOf(flags), message as string, writer.roomFor(message as string, 0)),
  CREDIT: (writer, { streamId, bytes }) => writer.credit(streamId, bytes as number),
  END: (writer, { streamId, code, message, name, notProcessed, details, meta }) =>
    writer.end(streamId, {
      code: code === 'OK' ? 0 : codeNumber(code as Code),
      message: message as string,
      appName: name as string,
      notProcessed: notProcessed as boolean,
      details: details as string | undefined,
      trailers: metaOf(meta),
    }),
  CANCEL: (writer, { streamId, code }) => writer.cancel(streamId, codeNumber(code as Code)),
}

/** The flags of a vector; NONE is set by the writer, for a message that is not there. */
function bitsOf(flags: unknown): number {
  return (flags as (keyof typeof FLAGS)[]).reduce((bits, name) => bits | FLAGS[name], 0) & ~FLAGS.NONE
}

function metaOf(entries: unknown): Uint8Array {
  return new Meta((entries ?? []) as [string, string][]).encode() ?? Buffer.of()
}

const textsOf = (meta: Meta): string[][] => [...meta].map(([key, value]) => [key, Buffer.from(value).toString()])

test('every vector is a whole frame of the type, stream and flags that it names', () => {
  for (const { hex, fields } of VECTORS) {
    const { frames, rest } = readFrames(Buffer.from(hex, 'hex'))
    const flags = ((fields.flags ?? []) as (keyof typeof FLAGS)[]).reduce((bits, name) => bits | FLAGS[name], 0)
    expect(frames).toMatchObject([{ type: TYPES.indexOf(fields.type) + 1, flags, id: fields.streamId }])
    expect(rest).toHaveLength(0)
  }
})

describe('writing', () => {
  test.each(VECTORS)('$name gives exactly its bytes', async ({ hex, fields }) => {
    const write = WRITE[fields.type] as Write
    expect((await written((writer) => write(writer, fields))).toString('hex')).toBe(hex)
  })
})

describe('reading', () => {
  test.each(vectorsOf('HELLO'))('$name gives its fields', (vector) => {
    const frame = frameOf(vector)
    const { major, minor, settings, meta: entries = [] } = vector.fields
    const { meta, ...read } = readHello(frame, 0, frame.length)
    expect({ ...read, settings: [...read.settings] }).toEqual({ major, minor, settings })
    expect(textsOf(meta)).toEqual(entries)
  })

  test.each(vectorsOf('OPEN'))('$name gives its fields', (vector) => {
    const frame = frameOf(vector)
    const open = { timeoutMs: 0, encoding: 0, methodAt: 0, methodEnd: 0, metaAt: 0, messageAt: 0, hasMessage: false }
    readOpen(open, frame, 0, frame.length)
    const { timeoutMs, encoding, method, message, meta = [] } = vector.fields
    expect(textsOf(readMeta(frame, open.metaAt, open.messageAt))).toEqual(meta)
    expect(open).toMatchObject({ timeoutMs, encoding, hasMessage: message !== undefined })
    expect(frame.toString('utf8', open.methodAt, open.methodEnd)).toBe(method)
    expect(frame.toString('utf8', open.messageAt)).toBe(message ?? '')
  })

  test.each(vectorsOf('END'))('$name gives its fields', (vector) => {
    const frame = frameOf(vector)
    const { code, notProcessed, message, name, details, meta = [] } = vector.fields
    const { detailsAt, trailers, trailersLength, ...read } = readEnd(frame, 0, frame.length)
    expect(textsOf(trailers)).toEqual(meta)
    expect(trailersLength).toBe(metaOf(meta).length)
    expect({ ...read, code: read.code === 0 ? 'OK' : codeName(read.code) }).toEqual({
      code,
      isNotProcessed: notProcessed,
      message,
      appName: name,
    })
    expect(detailsAt < 0 ? undefined : frame.toString('utf8', detailsAt)).toBe(details)
  })

  test.each(vectorsOf('GOAWAY'))('$name gives its fields', (vector) => {
    const frame = frameOf(vector)
    const { lastStreamId, reason, text } = vector.fields
    expect(readU32(frame, 6)).toBe(lastStreamId)
    expect(GOAWAY_REASONS[frame[10] as number]).toBe(reason)
    expect(frame.toString('utf8', 11)).toBe(text)
  })
})

test('PROTOCOL.md lists exactly the vectors', () => {
  const text = readFileSync(new URL('../../../PROTOCOL.md', import.meta.url), 'utf8')
  const section = text.split('\n## Test vectors\n')[1] ?? ''
  const block = /^```text\n(.*?)^```$/ms.exec(section)?.[1] ?? ''
  const listed = block
    .trimEnd()
    .split('\n')
    .map((line) => /^(.+?) {2,}([0-9a-f]+)$/.exec(line)?.slice(1) ?? line)
  const inUse = VECTORS.map(({ name, hex }) => [name, hex])
  expect(listed.toSorted()).toEqual(inUse.toSorted())
})
