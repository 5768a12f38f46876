// What a hostile or mistaken peer sends, and what a callback may do in the middle of it.

import { describe, expect, test } from 'vitest'
import { cut, join } from '../src/chunks.ts'
import { encode } from '../src/encode.ts'
import { FrameDecoder, type FrameDecoderOptions } from '../src/frame-decoder.ts'
import type { Framing } from '../src/framing.ts'
import { FramingError } from '../src/framing-error.ts'
import { errorOf } from '../src/law-check.ts'
import { type LengthFieldOptions, lengthField } from '../src/length-field.ts'
import { text } from '../src/message-codec.ts'
import { outcomeOfPush } from '../src/outcome.ts'
import { errorOfStream, framingErrorOf, keepText } from './stream.ts'

const framing = lengthField({ maxFrameLength: 8 })
const frame = (message: string) => encode(lengthField(), text.encode(message))

describe('a length above the limit', () => {
  test.each<[string, LengthFieldOptions, number[]]>([
    ['four bytes', { maxFrameLength: 8 }, [0, 0, 0, 9]],
    ['four bytes, little-endian', { maxFrameLength: 8, byteOrder: 'little' }, [9, 0, 0, 0]],
    ['a varint', { maxFrameLength: 8, lengthFieldLength: 'varint' }, [9]],
    ['in front of the rest of its header', { maxFrameLength: 8, lengthFieldLength: 1, headerLength: 20 }, [9]],
    ['the most that four bytes say', {}, [0xff, 0xff, 0xff, 0xff]],
    ['the most that eight bytes say', { lengthFieldLength: 8 }, [0, 0x1f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]],
  ])('is rejected before the body arrives: %s', (_, options, header) => {
    const decoder = new FrameDecoder(lengthField(options))
    for (const byte of header.slice(0, -1)) expect(decoder.decode(Uint8Array.of(byte))).toEqual([])
    const error = framingErrorOf(() => decoder.decode(Uint8Array.of(header.at(-1) as number)))
    expect(error.code).toBe('FRAME_TOO_LONG')
    expect(error.length).toBeGreaterThan(error.limit as number)
    expect(decoder.pendingLength).toBe(0)
  })

  test('is compared with the payload alone: header and trailer never count', () => {
    const options = { lengthFieldOffset: 3, lengthCounts: 'frame', trailerLength: 5 } as const
    const wide = lengthField(options)
    const limited = lengthField({ ...options, maxFrameLength: 8 })
    expect(new FrameDecoder(limited).decode(encode(wide, new Uint8Array(8)))).toEqual([new Uint8Array(8)])
    expect(errorOfStream(limited, [...encode(wide, new Uint8Array(9))])).toMatchObject({
      code: 'FRAME_TOO_LONG',
      length: 9,
      limit: 8,
      frameLength: 21,
      offset: 0,
    })
  })

  test('names the number, the limit, the place and the first bytes', () => {
    expect(errorOfStream(framing, [0, 0, 0, 1, 7], [0x80, 0, 0, 1, 2]).message).toMatch(
      /^frame of 2147483649 bytes exceeds maxFrameLength 8 at stream offset 5 \(first bytes 80 00 00 01( 02)?\)$/,
    )
  })
})

describe('a length that lies', () => {
  test('too long: the stream ends inside the frame', () => {
    expect(errorOfStream(framing, [0, 0, 0, 5], 'four')).toMatchObject({
      code: 'FRAME_TRUNCATED',
      length: 8,
      offset: 0,
    })
  })

  test('too short: what follows is judged as the next length', () => {
    expect(errorOfStream(framing, [0, 0, 0, 1], 'body')).toMatchObject({
      code: 'FRAME_TRUNCATED',
      length: 3,
      offset: 5,
    })
    expect(errorOfStream(framing, [0, 0, 0, 1], 'a body')).toMatchObject({ code: 'FRAME_TOO_LONG', offset: 5 })
  })

  test('smaller than what it counts is INVALID_LENGTH, not an empty or a negative frame', () => {
    const counting = lengthField({ lengthCounts: 'frame' })
    for (const value of [0, 1, 3]) {
      expect(errorOfStream(counting, [0, 0, 0, value])).toMatchObject({
        code: 'INVALID_LENGTH',
        length: value,
        limit: 4,
      })
    }
    expect(new FrameDecoder(counting).decode(Uint8Array.of(0, 0, 0, 4))).toEqual([new Uint8Array(0)])
  })

  test.each<[string, 8 | 'varint', number[]]>([
    ['eight bytes above 2^53 - 1', 8, [0, 0x20, 0, 0, 0, 0, 0, 0]],
    ['eight bytes that are negative', 8, [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]],
    ['a varint longer than allowed', 'varint', [0xff, 0xff, 0xff, 0xff, 0xff, 0x01]],
    ['a varint that never ends', 'varint', Array.from({ length: 100 }, () => 0x80)],
    ['a varint of more bytes than it needs', 'varint', [0x85, 0x00]],
    ['a zero in two bytes', 'varint', [0x80, 0x00]],
  ])('is refused: %s', (_, lengthFieldLength, header) => {
    expect(errorOfStream(lengthField({ lengthFieldLength }), header)).toMatchObject({
      code: 'INVALID_LENGTH',
      offset: 0,
    })
  })

  test('is refused as soon as it is seen, not when the varint is complete', () => {
    const decoder = new FrameDecoder(lengthField({ lengthFieldLength: 'varint', maxVarintLength: 2 }))
    expect(decoder.decode(Uint8Array.of(0x80))).toEqual([])
    expect(framingErrorOf(() => decoder.decode(Uint8Array.of(0x80))).code).toBe('INVALID_LENGTH')
  })

  test('a framing that measures nonsense is refused, never believed', () => {
    for (const length of [-1, Number.NaN, 1.5, Number.POSITIVE_INFINITY]) {
      const nonsense = { ...framing, headerLength: () => 0, trailerLength: () => 0, measure: () => length }
      expect(errorOfStream(nonsense, 'ab')).toMatchObject({ code: 'INVALID_LENGTH', offset: 0 })
    }
  })

  test('a framing that changes its mind about bytes it has seen is refused, and no byte is read twice', () => {
    const measure = (_: Uint8Array, start: number, end: number) => (end - start < 6 ? 0 : 3)
    const lookingAhead = { ...framing, headerLength: () => 0, trailerLength: () => 0, measure }
    const decoder = new FrameDecoder(lookingAhead)
    expect(decoder.decode(text.encode('abcde'))).toEqual([])
    expect(framingErrorOf(() => decoder.decode(text.encode('f')))).toMatchObject({
      code: 'INVALID_LENGTH',
      reason: 'framing measured a frame of 3 bytes after 5 were seen',
    })
  })
})

describe('another protocol on this port is named', () => {
  test.each([
    ['HTTP', 'GET / HTTP/1.1\r\nHost: a\r\n\r\n'],
    ['HTTP', 'HTTP/1.1 200 OK\r\n'],
    ['HTTP', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'],
    ['TLS', [0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3]],
    ['text', 'SSH-2.0-OpenSSH_9.2\r\n'],
    ['text', '{"jsonrpc":"2.0"}\n'],
  ])('%s: %o', (name, opening) => {
    const error = errorOfStream(lengthField(), opening)
    expect(error.code).toBe('FRAME_TOO_LONG')
    expect(error.message).toContain(`the peer may be speaking ${name}`)
  })

  test('even where its first bytes pass for a length: at the end', () => {
    const error = errorOfStream(lengthField({ lengthFieldLength: 2 }), 'GET / HTTP/1.1\r\n\r\n')
    expect(error.code).toBe('FRAME_TRUNCATED')
    expect(error.message).toContain('the peer may be speaking HTTP')
  })
})

describe('the first error is final', () => {
  test.each<[string, readonly number[]]>([
    ['FRAME_TOO_LONG', [0, 0, 0, 9]],
    ['FRAME_TRUNCATED', [0, 0, 0]],
  ])('%s is thrown again, the same object, by every call, and nothing is kept', (code, bytes) => {
    const decoder = new FrameDecoder(framing)
    const error = framingErrorOf(() => {
      decoder.push(Uint8Array.from(bytes), () => {})
      decoder.end()
    })
    expect(error.code).toBe(code)
    const never = () => expect.unreachable('a frame behind an error')
    const calls = [
      () => decoder.push(frame('good'), never),
      () => decoder.resume(never),
      () => decoder.decode(frame('good')),
      () => decoder.end(),
      () => decoder.detach(),
      () => decoder.setFraming(framing),
    ]
    for (const call of calls) expect(errorOf(call)).toBe(error)
    expect([decoder.pendingLength, decoder.expectedLength]).toEqual([0, 0])
  })

  test('so is what a framing of the user throws, whatever it is', () => {
    const fault = new Error('bug in measure')
    const measure = () => {
      throw fault
    }
    const decoder = new FrameDecoder({ ...framing, headerLength: () => 0, trailerLength: () => 0, measure })
    for (const chunk of [frame('a'), new Uint8Array(0)]) expect(errorOf(() => decoder.decode(chunk))).toBe(fault)
  })
})

describe('a visitor', () => {
  test('that calls its own decoder gets a TypeError, and every frame comes once and in order', () => {
    for (const size of [1, 6, 100]) {
      const decoder = new FrameDecoder(framing)
      const frames: string[] = []
      const keep = keepText(frames)
      for (const chunk of cut(join([frame('a'), frame('b'), frame('c')]), [size])) {
        decoder.push(chunk, (bytes, start, end) => {
          keep(bytes, start, end)
          const calls: [method: string, call: () => unknown][] = [
            ['push', () => decoder.push(frame('x'), keep)],
            ['push', () => decoder.decode(frame('x'))],
            ['resume', () => decoder.resume(keep)],
            ['end', () => decoder.end()],
            ['detach', () => decoder.detach()],
          ]
          for (const [method, call] of calls)
            expect(call).toThrow(new TypeError(`FrameDecoder.${method} called by its own visitor`))
        })
      }
      decoder.end()
      expect(frames).toEqual(['a', 'b', 'c'])
    }
  })

  test('that lets such a TypeError go has consumed its frame, and the stream goes on', () => {
    const decoder = new FrameDecoder(framing)
    const frames: string[] = []
    const bytes = join([frame('a'), frame('b')])
    expect(() => decoder.push(bytes, () => void decoder.push(frame('x'), () => {}))).toThrow(TypeError)
    decoder.push(new Uint8Array(0), keepText(frames))
    expect(frames).toEqual(['b'])
  })

  test('may use another decoder, also while its frame stands in a carried-over buffer', () => {
    const [outer, inner] = [new FrameDecoder(framing), new FrameDecoder(framing)]
    const frames: string[] = []
    const wrapped = encode(lengthField(), frame('in'))
    const keep = keepText(frames)
    for (const chunk of cut(join([wrapped, wrapped]), [7])) {
      outer.push(chunk, (bytes, start, end) => {
        for (let at = start; at < end; at++) inner.push(bytes.subarray(at, at + 1), keep)
      })
    }
    expect(frames).toEqual(['in', 'in'])
  })
})

describe("oversize 'skip'", () => {
  const bytes = join(['a', 'much too long', 'b', 'nine byte', 'c'].map(frame))

  test.each([1, 2, 3, 4, 5, 6, 9, 10, 22, 100])(
    'drops the frame, reports it once, and goes on, chunks of %i',
    (size) => {
      const { frames, skipped, error } = outcomeOfPush(framing, cut(bytes, [size]), { oversize: 'skip' })
      expect(frames).toEqual(['61', '62', '63'])
      expect(skipped).toEqual([
        expect.objectContaining({ code: 'FRAME_TOO_LONG', length: 13, limit: 8, frameLength: 17, offset: 5 }),
        expect.objectContaining({ code: 'FRAME_TOO_LONG', length: 9, limit: 8, frameLength: 13, offset: 27 }),
      ])
      expect(error).toBe(undefined)
    },
  )

  test('is not the default', () => {
    expect(outcomeOfPush(framing, [bytes])).toMatchObject({ frames: ['61'], skipped: [] })
  })

  test('reports when the header is seen and keeps nothing of the frame', () => {
    const reports: FramingError[] = []
    const decoder = new FrameDecoder(framing, { oversize: 'skip', onSkip: (error) => reports.push(error) })
    decoder.decode(frame('much too long').subarray(0, 3))
    expect(reports).toEqual([])
    for (const end of [4, 5, 10]) {
      decoder.decode(frame('much too long').subarray(end === 4 ? 3 : end - 1, end))
      expect(reports).toHaveLength(1)
      expect(decoder.pendingLength).toBe(0)
    }
  })

  test('tells the length of the frame while it is dropped, and that nothing of it is kept', () => {
    const seen: number[][] = []
    const report = () => seen.push([decoder.pendingLength, decoder.expectedLength])
    const decoder = new FrameDecoder(framing, { oversize: 'skip', onSkip: report })
    for (const chunk of cut(join([frame('nine byte'), frame('a')]), [2])) {
      decoder.push(chunk, () => {})
      report()
    }
    const dropping = Array.from({ length: 6 }, () => [0, 13])
    expect(seen).toEqual([[2, 0], ...dropping, [1, 0], [3, 0], [0, 0]])
  })

  test.each([4, 5, 16])('lets nobody detach %i bytes into the frame, and goes on', (at) => {
    const decoder = new FrameDecoder(framing, { oversize: 'skip' })
    const large = frame('much too long')
    decoder.decode(large.subarray(0, at))
    const reason = `FrameDecoder.detach inside a frame that is skipped: ${17 - at} bytes of it are to come`
    expect(() => decoder.detach()).toThrow(new TypeError(reason))
    expect(decoder.decode(join([large.subarray(at), frame('a')])).map((each) => text.decode(each))).toEqual(['a'])
    expect(decoder.detach()).toEqual(new Uint8Array(0))
  })

  test('keeps nothing when the stream ends inside the frame', () => {
    const decoder = new FrameDecoder(framing, { oversize: 'skip' })
    decoder.decode(frame('much too long').subarray(0, 9))
    expect(framingErrorOf(() => decoder.end()).length).toBe(9)
    expect([decoder.pendingLength, decoder.expectedLength]).toEqual([0, 0])
  })

  test('needs no onSkip', () => {
    expect(new FrameDecoder(framing, { oversize: 'skip' }).decode(bytes)).toHaveLength(3)
  })

  test.each([4, 5, 16])('says FRAME_TRUNCATED, where the frame began, when the stream ends %i bytes into it', (at) => {
    const cutOff = join([frame('a'), frame('much too long').subarray(0, at)])
    for (const size of [1, 100]) {
      const { error } = outcomeOfPush(framing, cut(cutOff, [size]), { oversize: 'skip' })
      expect(error).toMatchObject({
        code: 'FRAME_TRUNCATED',
        reason: `stream ended inside an oversize frame: ${at} bytes are there, ${17 - at} are missing`,
        offset: 5,
      })
    }
  })

  test.each<[string, Framing, number[]]>([
    ['a length smaller than what it counts', lengthField({ lengthCounts: 'frame' }), [0, 0, 0, 3]],
    ['a length above 2^53 - 1', lengthField({ lengthFieldLength: 8 }), [1, 0, 0, 0, 0, 0, 0, 0]],
    ['a non-minimal varint', lengthField({ lengthFieldLength: 'varint' }), [0x80, 0]],
  ])('skips only what a length field can be trusted for: %s is final', (_, of, header) => {
    const options: FrameDecoderOptions = { oversize: 'skip' }
    const { error, skipped } = outcomeOfPush(of, [Uint8Array.from(header)], options)
    expect(error).toMatchObject({ code: 'INVALID_LENGTH' })
    expect(skipped).toEqual([])
  })

  test('believes no framing that would skip less than it has seen', () => {
    for (const frameLength of [0, -1, 2, Number.NaN]) {
      const measure = (_: Uint8Array, start: number, end: number) => {
        if (end - start < 4) return 0
        throw new FramingError('FRAME_TOO_LONG', 'too long', { frameLength })
      }
      const nonsense = { ...framing, measure, headerLength: () => 0, trailerLength: () => 0 }
      const { error, skipped } = outcomeOfPush(nonsense, cut(text.encode('abcdef'), [3]), { oversize: 'skip' })
      expect([error?.code, skipped]).toEqual(['FRAME_TOO_LONG', []])
    }
  })

  test.each([1, 3, 5, 6, 9, 100])('ends with what onSkip throws, behind the frames in front, chunks of %i', (size) => {
    const fault = new Error('too many')
    const onSkip = (error: FramingError) => {
      if (error.offset === 27) throw fault
    }
    const decoder = new FrameDecoder(framing, { oversize: 'skip', onSkip })
    const frames: string[] = []
    let thrown: unknown
    for (const chunk of cut(bytes, [size])) {
      thrown = errorOf(() => frames.push(...decoder.decode(chunk).map((payload) => text.decode(payload))))
    }
    thrown ??= errorOf(() => decoder.end())
    expect(frames).toEqual(['a', 'b'])
    expect(thrown).toBe(fault)
  })

  test('keeps its order with a pause', () => {
    const decoder = new FrameDecoder(framing, { oversize: 'skip', onSkip: () => frames.push('skipped') })
    const frames: string[] = []
    const keep = keepText(frames)
    decoder.push(bytes, (source, start, end) => {
      keep(source, start, end)
      return false
    })
    expect(frames).toEqual(['a'])
    decoder.resume(keep)
    expect(frames).toEqual(['a', 'skipped', 'b', 'skipped', 'c'])
  })
})
