// One stream, two protocols: another framing from some frame on, or another reader for the rest of the bytes.

import { describe, expect, test } from 'vitest'
import { cut, join } from '../src/chunks.ts'
import { encode } from '../src/encode.ts'
import { FrameDecoder, type FrameVisitor } from '../src/frame-decoder.ts'
import { lengthField } from '../src/length-field.ts'
import { text } from '../src/message-codec.ts'
import { keepText } from './stream.ts'

const framing = lengthField({ maxFrameLength: 100 })
const short = lengthField({ lengthFieldLength: 1 })

const frame = (message: string, of = framing) => encode(of, text.encode(message))
const stream = (...messages: string[]) => join(messages.map((message) => frame(message)))
const texts = (frames: Uint8Array[]) => frames.map((bytes) => text.decode(bytes))

function pauseAfter(visit: FrameVisitor): FrameVisitor {
  return (bytes, start, end) => {
    visit(bytes, start, end)
    return false
  }
}

describe('setFraming', () => {
  test('takes effect at once between two frames', () => {
    const decoder = new FrameDecoder(framing)
    expect(texts(decoder.decode(frame('a')))).toEqual(['a'])
    decoder.setFraming(short)
    expect(texts(decoder.decode(frame('b', short)))).toEqual(['b'])
  })

  test('lets a frame that has begun end as it began, whatever is set last counts', () => {
    for (const at of [1, 5]) {
      const decoder = new FrameDecoder(framing)
      decoder.decode(frame('ab').subarray(0, at))
      decoder.setFraming(lengthField({ lengthFieldLength: 8 }))
      decoder.setFraming(short)
      expect(texts(decoder.decode(join([frame('ab').subarray(at), frame('c', short)])))).toEqual(['ab', 'c'])
    }
  })

  test.each([1, 2, 7, 100])('in a visitor counts from the next frame on, chunks of %i', (size) => {
    const decoder = new FrameDecoder(framing)
    const frames: string[] = []
    const keep = keepText(frames)
    const bytes = join([frame('startup'), frame('typed', short), frame('more', short)])
    for (const chunk of cut(bytes, [size])) {
      decoder.push(chunk, (source, start, end) => {
        keep(source, start, end)
        if (frames.length === 1) decoder.setFraming(short)
      })
    }
    decoder.end()
    expect(frames).toEqual(['startup', 'typed', 'more'])
  })

  test('in a visitor wins over one that was set while the frame came in', () => {
    const decoder = new FrameDecoder(framing)
    decoder.decode(frame('a').subarray(0, 2))
    decoder.setFraming(lengthField({ lengthFieldLength: 8 }))
    decoder.push(frame('a').subarray(2), () => decoder.setFraming(short))
    expect(texts(decoder.decode(frame('b', short)))).toEqual(['b'])
  })

  test('that has been taken up does not come back at a later split frame', () => {
    const decoder = new FrameDecoder(framing)
    decoder.decode(frame('a').subarray(0, 2))
    decoder.setFraming(lengthField({ lengthFieldLength: 8 }))
    decoder.decode(frame('a').subarray(2))
    decoder.setFraming(short)
    const frames = cut(join([frame('b', short), frame('c', short)]), [1]).flatMap((chunk) => decoder.decode(chunk))
    expect(texts(frames)).toEqual(['b', 'c'])
  })

  test.each([1, 3, 4, 100])('in onSkip counts from the frame behind the skipped one, chunks of %i', (size) => {
    const options = { oversize: 'skip', onSkip: () => decoder.setFraming(short) } as const
    const decoder = new FrameDecoder(lengthField({ maxFrameLength: 2 }), options)
    const bytes = join([frame('large'), frame('b', short), frame('c', short)])
    expect(texts(cut(bytes, [size]).flatMap((chunk) => decoder.decode(chunk)))).toEqual(['b', 'c'])
  })

  test('during a pause counts for what is held back', () => {
    const decoder = new FrameDecoder(framing)
    const frames: string[] = []
    decoder.push(join([frame('a'), frame('b', short)]), pauseAfter(keepText(frames)))
    decoder.setFraming(short)
    decoder.resume(keepText(frames))
    expect(frames).toEqual(['a', 'b'])
  })

  test.each([1, 2, 4, 5])('counts from the frame behind a skipped one, set after %i of its bytes', (at) => {
    const decoder = new FrameDecoder(lengthField({ maxFrameLength: 2 }), { oversize: 'skip' })
    decoder.decode(frame('large').subarray(0, at))
    decoder.setFraming(short)
    expect(texts(decoder.decode(join([frame('large').subarray(at), frame('b', short)])))).toEqual(['b'])
  })
})

describe('detach', () => {
  test.each([0, 1, 6, 9])('hands over the %i bytes of a frame that has begun', (count) => {
    const decoder = new FrameDecoder(framing)
    const rest = frame('begun').subarray(0, count)
    decoder.decode(join([frame('a'), rest]))
    if (count === 9) return expect(decoder.detach()).toEqual(new Uint8Array(0))
    expect(decoder.detach()).toEqual(rest)
  })

  test('hands over what a pause holds back, as a copy that another decoder goes on with', () => {
    const decoder = new FrameDecoder(framing)
    const chunk = stream('upgrade', 'b', 'c')
    decoder.push(chunk.subarray(0, 13), () => false)
    decoder.push(chunk.subarray(13), () => false)
    const rest = decoder.detach()
    chunk.fill(0xee)
    expect(texts(new FrameDecoder(framing).decode(rest))).toEqual(['b', 'c'])
  })

  test('is the end of the decoder: every later call is a TypeError', () => {
    const decoder = new FrameDecoder(framing)
    decoder.detach()
    const calls = [
      () => decoder.push(frame('a'), () => {}),
      () => decoder.resume(() => {}),
      () => decoder.decode(frame('a')),
      () => decoder.end(),
      () => decoder.detach(),
      () => decoder.setFraming(short),
    ]
    for (const call of calls) expect(call).toThrow(new TypeError('FrameDecoder is detached'))
  })
})
