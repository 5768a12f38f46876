import { expect, test } from 'vitest'
import { keepText } from '../test/stream.ts'
import { encode } from './encode.ts'
import { FrameDecoder } from './frame-decoder.ts'
import { lengthField } from './length-field.ts'
import { text } from './message-codec.ts'

const framing = lengthField()

test('keep outside a visitor is a copy, and takes nothing from the frame that has begun since', () => {
  const decoder = new FrameDecoder(framing)
  const frames: string[] = []
  const wire = encode(framing, text.encode('x'.repeat(90)))
  const places: [Uint8Array, number, number][] = []
  decoder.push(wire.subarray(0, 60), () => {})
  decoder.push(wire.subarray(60), (...place) => void places.push(place))
  decoder.push(wire.subarray(0, 60), keepText(frames))
  for (const place of places) decoder.keep(...place)
  decoder.push(wire.subarray(60), keepText(frames))
  decoder.end()
  expect(frames).toEqual(['x'.repeat(90)])
})
