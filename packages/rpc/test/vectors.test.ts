import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { readEnd, readHello, readOpen } from '../src/frame.ts'
import type { FrameWriter } from '../src/frame-writer.ts'
import { type Code, codeName, codeNumber } from '../src/rpc-error.ts'
import { GOAWAY_REASONS, type GoawayReason, LAST, readU32 } from '../src/wire.ts'
import { readFrames } from './frames.ts'
import { frameOf, VECTORS, type Vector, vectorsOf } from './vectors.ts'
import { written } from './written.ts'

const TYPES = ['HELLO', 'PING', 'GOAWAY', 'OPEN', 'DATA', 'END', 'CANCEL', 'CREDIT']
const FLAGS = { LAST: 0x01, MORE: 0x02, NONE: 0x08, ONEWAY: 0x10 } as const

type Write = (writer: FrameWriter, fields: Vector['fields']) => void

/** How each frame is written from the fields of its vector. */
const WRITE: Record<string, Write> = {
  HELLO: (writer, { settings }) => writer.hello(new Map(settings as [number, number][])),
  PING: (writer, { opaque }) => writer.pong(Buffer.from(opaque as string, 'hex'), 0),
  GOAWAY: (writer, { lastStreamId, reason, text }) =>
    writer.goaway(lastStreamId as number, reason as GoawayReason, text as string),
  OPEN: (writer, { streamId, timeoutMs, encoding, method, message }) => {
    const name = Buffer.from(method as string)
    const target = Buffer.concat([Uint8Array.of(name.length), name])
    writer.open(streamId, LAST, timeoutMs as number, encoding as number, target, message as string)
  },
  DATA: (writer, { streamId, message }) => writer.dataLast(streamId, message as string),
  END: (writer, { streamId, code, message, name, notProcessed, details }) =>
    writer.end(streamId, {
      code: codeNumber(code as Code),
      message: message as string,
      appName: name as string,
      notProcessed: notProcessed as boolean,
      details: details as string | undefined,
    }),
  CANCEL: (writer, { streamId, code }) => writer.cancel(streamId, codeNumber(code as Code)),
}

const sent = Object.keys(WRITE).flatMap((type) => vectorsOf(type).filter(({ name }) => name !== 'PING'))

test('every vector is a whole frame of the type, stream and flags that it names', () => {
  for (const { hex, fields } of VECTORS) {
    const { frames, rest } = readFrames(Buffer.from(hex, 'hex'))
    const flags = ((fields.flags ?? []) as (keyof typeof FLAGS)[]).reduce((bits, name) => bits | FLAGS[name], 0)
    expect(frames).toMatchObject([{ type: TYPES.indexOf(fields.type) + 1, flags, id: fields.streamId }])
    expect(rest).toHaveLength(0)
  }
})

describe('writing', () => {
  test.each(sent)('$name gives exactly its bytes', async ({ hex, fields }) => {
    const write = WRITE[fields.type] as Write
    expect((await written((writer) => write(writer, fields))).toString('hex')).toBe(hex)
  })

  test('covers every vector but the PING that is only answered yet', () => {
    const names = VECTORS.filter(({ status }) => status === undefined).map(({ name }) => name)
    expect(sent.map(({ name }) => name).toSorted()).toEqual(names.filter((name) => name !== 'PING').toSorted())
    expect(names).toHaveLength(10)
  })
})

describe('reading', () => {
  test.each(vectorsOf('HELLO'))('$name gives its fields', (vector) => {
    const frame = frameOf(vector)
    const { major, minor, settings } = vector.fields
    const read = readHello(frame, 0, frame.length)
    expect({ ...read, settings: [...read.settings] }).toEqual({ major, minor, settings })
  })

  // Those of later versions are read already: metadata is skipped, a missing message seen.
  test.each(VECTORS.filter(({ fields }) => fields.type === 'OPEN'))('$name gives its fields', (vector) => {
    const frame = frameOf(vector)
    const open = { timeoutMs: 0, encoding: 0, methodAt: 0, methodEnd: 0, messageAt: 0, hasMessage: false }
    readOpen(open, frame, 0, frame.length)
    const { timeoutMs, encoding, method, message } = vector.fields
    expect(open).toMatchObject({ timeoutMs, encoding, hasMessage: message !== undefined })
    expect(frame.toString('utf8', open.methodAt, open.methodEnd)).toBe(method)
    expect(frame.toString('utf8', open.messageAt)).toBe(message ?? '')
  })

  test.each(vectorsOf('END'))('$name gives its fields', (vector) => {
    const frame = frameOf(vector)
    const { code, notProcessed, message, name, details } = vector.fields
    const { detailsAt, ...read } = readEnd(frame, 0, frame.length)
    expect({ ...read, code: codeName(read.code) }).toEqual({
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

test('PROTOCOL.md lists exactly the vectors that are in use', () => {
  const text = readFileSync(new URL('../../../PROTOCOL.md', import.meta.url), 'utf8')
  const section = text.split('\n## Test vectors\n')[1] ?? ''
  const block = /^```text\n(.*?)^```$/ms.exec(section)?.[1] ?? ''
  const listed = block
    .trimEnd()
    .split('\n')
    .map((line) => /^(.+?) {2,}([0-9a-f]+)$/.exec(line)?.slice(1) ?? line)
  const inUse = VECTORS.filter(({ status }) => status === undefined).map(({ name, hex }) => [name, hex])
  expect(listed.toSorted()).toEqual(inUse.toSorted())
})
