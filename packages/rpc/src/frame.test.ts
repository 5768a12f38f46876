import { thrownBy } from '@framewire/testkit'
import { describe, expect, test } from 'vitest'
import * as wire from '../test/frames.ts'
import { OpenFrame, readEnd, readHello, readOpen } from './frame.ts'
import { ProtocolError } from './protocol-error.ts'

type Read = (bytes: Uint8Array, start: number, end: number) => unknown

const openAt: Read = (bytes, start, end) => {
  const into = new OpenFrame()
  readOpen(into, bytes, start, end)
  return into
}

const meta = Buffer.from('\x01a\x00\x01b', 'latin1')
const body = (frame: Buffer) => frame.subarray(4)

/** A frame with every field, and how many bytes of it are the fields: from there on it may be cut without a fault. */
const FRAMES: [name: string, read: Read, frame: Buffer, fields: number][] = [
  [
    'HELLO',
    readHello,
    body(
      wire.hello({
        settings: [
          [1, 2],
          [3, 0xffff_ffff],
        ],
        meta,
      }),
    ),
    33,
  ],
  ['OPEN', openAt, body(wire.open(1, 'users.get', '{"id":42}', { timeoutMs: 1500, meta })), 28],
  ['END', readEnd, body(wire.end(1, 5, { meta, message: 'no such user', name: 'GONE', details: '{}' })), 34],
]

/** What a read comes to: the same whatever stands around the frame, or it looked where it may not. */
function outcome(read: Read, frame: Buffer): unknown {
  const around = [0x00, 0xff, 0x41].map((fill) => {
    const bytes = Buffer.alloc(frame.length + 1024, fill)
    bytes.set(frame, 8)
    return resultOf(() => read(bytes, 8, 8 + frame.length))
  })
  // In a buffer of its own: what is read behind it is undefined.
  const bytes = Buffer.concat([Buffer.alloc(8), frame])
  around.push(resultOf(() => read(new Uint8Array(bytes), 8, bytes.length)))
  for (const other of around) expect(other).toEqual(around[0])
  return around[0]
}

function resultOf(action: () => unknown): unknown {
  try {
    return { value: action() }
  } catch (error) {
    if (error instanceof ProtocolError) return { reason: error.reason, message: error.message }
    throw error
  }
}

describe.each(FRAMES)('%s', (_name, read, frame, fields) => {
  test('is read whole', () => {
    expect(outcome(read, frame)).toHaveProperty('value')
    expect(fields).toBeLessThanOrEqual(frame.length)
  })

  test('cut at any byte of its fields is a protocol error that names its length', () => {
    for (let length = 6; length < fields; length++) {
      const message = expect.stringContaining(`frame of ${length} bytes`)
      expect(outcome(read, frame.subarray(0, length))).toEqual({ reason: 'protocol error', message })
    }
    for (let length = fields; length <= frame.length; length++) {
      expect(outcome(read, frame.subarray(0, length))).toHaveProperty('value')
    }
  })

  test('with any byte changed is read or is a protocol error, and nothing else', () => {
    for (let at = 6; at < frame.length; at++) {
      for (const value of [0, 1, 2, 6, 0x20, 0x40, 0x7f, 0x80, 0xc3, 0xfe, 0xff]) {
        const changed = Buffer.from(frame)
        changed[at] = value
        outcome(read, changed)
      }
    }
  })
})

describe('HELLO', () => {
  const helloOf = (options: wire.HelloOptions) => {
    const frame = body(wire.hello(options))
    return readHello(frame, 0, frame.length)
  }

  test('of another magic or an older version is refused, each with its reason', () => {
    expect(thrownBy(() => helloOf({ magic: 'FWP2' }))).toMatchObject({ reason: 'protocol error' })
    expect(thrownBy(() => helloOf({ major: 0 }))).toMatchObject({
      reason: 'unsupported version',
      message: 'major version 0, this side speaks 1',
    })
    expect(helloOf({ major: 2 })).toMatchObject({ major: 2 })
  })

  test('with bytes at its end is one of a later minor version', () => {
    const frame = Buffer.concat([body(wire.hello({ settings: [[1, 5000]] })), Buffer.from('later')])
    expect([...readHello(frame, 0, frame.length).settings]).toEqual([[1, 5000]])
  })
})

describe('END', () => {
  const endOf = (options: wire.EndOptions) => {
    const frame = body(wire.end(1, 5, options))
    return readEnd(frame, 0, frame.length)
  }

  test.each(['message', 'name'] as const)('with malformed UTF-8 in its %s is a protocol error', (field) => {
    const error = thrownBy(() => endOf({ [field]: Buffer.from([0x61, 0xc3]) }))
    expect(error).toBeInstanceOf(ProtocolError)
    expect(error).toMatchObject({ reason: 'protocol error', message: expect.stringContaining('malformed UTF-8') })
  })

  test('keeps U+FFFD that was really sent', () => {
    expect(endOf({ message: 'a\ufffdb' })).toMatchObject({ message: 'a\ufffdb' })
  })

  test('has details only with the bit for them', () => {
    expect(endOf({ details: '{}' }).detailsAt).toBe(13)
    expect(endOf({ details: '{}', bits: 1 })).toMatchObject({ detailsAt: -1, isNotProcessed: true })
  })
})
