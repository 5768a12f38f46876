// Bytes that are the same in every frame, or sent once when a connection begins: version bytes, markers, prefaces. They are
// compared as they arrive, so a peer that speaks something else is refused at its first wrong byte, however it is cut.

import { defineFraming, type Framing, FramingError } from '@framewire/codec'

function expectBytes(name: string, expected: Uint8Array, bytes: Uint8Array, start: number, end: number): void {
  const length = Math.min(expected.length, end - start)
  for (let index = 0; index < length; index++) {
    if (bytes[start + index] === expected[index]) continue
    throw new FramingError(
      'INVALID_HEADER',
      `${name}: byte ${index} is ${bytes[start + index]}, not ${expected[index]}`,
    )
  }
}

/** The same framing where every frame begins with these bytes: required on decode, filled in on encode. */
export function startingWith(name: string, expected: Uint8Array, framing: Framing): Framing {
  return {
    maxFrameLength: framing.maxFrameLength,
    measure(bytes, start, end, seen) {
      expectBytes(name, expected, bytes, start, end)
      return framing.measure(bytes, start, end, seen)
    },
    headerLength: (bytes, start, length) => framing.headerLength(bytes, start, length),
    trailerLength: (bytes, start, length) => framing.trailerLength(bytes, start, length),
    encodedLength: (payloadLength, header) => framing.encodedLength(payloadLength, header),
    encodeInto(target, at, payload, header) {
      const end = framing.encodeInto(target, at, payload, header)
      target.set(expected, at)
      return end
    },
  }
}

/** A frame that is these bytes and carries nothing: an empty frame is handed out, an empty payload is encoded. */
export function constantFrame(name: string, text: string): Framing {
  const expected = new TextEncoder().encode(text)
  const { length } = expected
  return defineFraming({
    maxFrameLength: 1,
    maxOverhead: length,
    measure(bytes, start, end) {
      expectBytes(name, expected, bytes, start, end)
      return end - start < length ? 0 : length
    },
    headerLength: () => length,
    encodedLength(payloadLength) {
      if (payloadLength === 0) return length
      throw new FramingError('UNENCODABLE', `${name} carries no payload, got ${payloadLength} bytes`)
    },
    encodeInto(target, at) {
      target.set(expected, at)
      return at + length
    },
  })
}
