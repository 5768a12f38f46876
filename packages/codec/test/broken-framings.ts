// Two sound framings, and what each law is there to find: framings with one fault.

import type { Framing } from '../src/framing.ts'
import { FramingError, frameTooLong } from '../src/framing-error.ts'

const MOST = 300

function checkRoom(target: Uint8Array, at: number, length: number): void {
  if (at < 0 || at + length > target.length) throw new RangeError('no room')
}

function checkLimit(payloadLength: number): void {
  if (payloadLength > MOST) throw frameTooLong(payloadLength, MOST)
}

/** u16 length, then the payload. */
export const counted: Framing & Required<Pick<Framing, 'encodeHeaderInto' | 'encodeTrailerInto'>> = {
  maxFrameLength: MOST,
  measure(bytes, start, end) {
    if (end - start < 2) return 0
    const payload = (bytes[start] as number) * 256 + (bytes[start + 1] as number)
    if (payload > MOST) throw frameTooLong(payload, MOST, payload + 2)
    return payload + 2
  },
  headerLength: () => 2,
  trailerLength: () => 0,
  encodedLength(payloadLength) {
    checkLimit(payloadLength)
    return payloadLength + 2
  },
  encodeInto(target, at, payload) {
    checkRoom(target, at, counted.encodedLength(payload.length))
    target.set(payload, counted.encodeHeaderInto(target, at, payload.length))
    return at + 2 + payload.length
  },
  encodeHeaderInto(target, at, payloadLength) {
    checkLimit(payloadLength)
    checkRoom(target, at, 2)
    target[at] = payloadLength >> 8
    target[at + 1] = payloadLength
    return at + 2
  },
  encodeTrailerInto: (_, at) => at,
}

const END = 0x0a

/** The payload, then `\r\n`; neither byte may stand in a payload. */
export const searched: Framing = {
  maxFrameLength: MOST,
  measure(bytes, start, end, seen) {
    const at = bytes.subarray(start, end).indexOf(END, seen)
    const length = at < 0 ? end - start : at - 1
    if (length > MOST + (at < 0 ? 1 : 0)) throw new FramingError('FRAME_TOO_LONG', 'no end', { limit: MOST })
    if (at >= 0 && bytes[start + at - 1] !== 0x0d) throw new FramingError('INVALID_HEADER', 'half an end')
    return at + 1
  },
  headerLength: () => 0,
  trailerLength: () => 2,
  encodedLength(payloadLength) {
    checkLimit(payloadLength)
    return payloadLength + 2
  },
  encodeInto(target, at, payload) {
    checkRoom(target, at, searched.encodedLength(payload.length))
    if (payload.includes(0x0d) || payload.includes(END)) throw new FramingError('UNENCODABLE', 'an end inside')
    target.set(payload, at)
    target.set([0x0d, END], at + payload.length)
    return at + payload.length + 2
  },
}

/** Framings that remember, each made anew. */
function keepingView(): Framing {
  let header = new Uint8Array(2)
  return {
    ...counted,
    measure(bytes, start, end, seen) {
      if (end - start >= 2) header = bytes.subarray(start, start + 2) as Uint8Array<ArrayBuffer>
      return counted.measure(bytes, start, end, seen)
    },
    headerLength: () => (header[0] === 0xee ? 3 : 2),
  }
}

function tiring(): Framing {
  let calls = 0
  return { ...counted, headerLength: () => (++calls % 5 === 0 ? 1 : 2) }
}

const measureOf =
  (change: (length: number, there: number, bytes: Uint8Array, start: number) => number): Framing['measure'] =>
  (bytes, start, end, seen) =>
    change(counted.measure(bytes, start, end, seen), end - start, bytes, start)

const payloadAt = (bytes: Uint8Array, start: number): number =>
  (bytes[start] as number) * 256 + (bytes[start + 1] as number)

/** What the fault is, for each law. */
export const BROKEN: Record<string, Record<string, Framing>> = {
  'hands out every frame that arrives whole': {
    'a header that is longer than it says': { ...counted, headerLength: () => 1 },
    'a trailer that is none': { ...counted, trailerLength: (_, __, length) => (length > 2 ? 1 : 0) },
  },
  'hands out nothing until the last byte when bytes come one by one': {
    'what has arrived is the frame': { ...counted, measure: measureOf((length, there) => Math.min(length, there)) },
  },
  'hands out the same frames for every split in two': {
    'a delimiter that is looked for whole in each chunk': {
      ...searched,
      measure(bytes, start, end, seen) {
        const at = bytes.subarray(start, end).indexOf(END, seen)
        return at < 0 || (seen > 0 && at <= seen) ? 0 : at + 1
      },
    },
  },
  'hands out the same frames for chunks of any lengths': {
    'a length that is believed only when more comes': {
      ...counted,
      measure: (bytes, start, end, seen) =>
        seen === 0 && end - start > 9 ? 0 : counted.measure(bytes, start, end, seen),
    },
  },
  'hands out all frames of one chunk in order': {
    'the length of the first frame for all': {
      ...counted,
      measure: (bytes, _, end, seen) => counted.measure(bytes, 0, end, seen),
    },
  },
  'keeps trailing bytes for the next frame': {
    'all there is for the frame': {
      ...counted,
      measure: measureOf((length, there) => (length === 0 ? 0 : Math.max(length, there))),
    },
  },
  'ends cleanly at every border and nowhere else': {
    'half a length field that passes for a frame': {
      ...counted,
      measure: measureOf((length, there) => (there === 1 ? 1 : length)),
      headerLength: (_, __, length) => Math.min(length, 2),
    },
  },
  'takes Buffers, subclasses, views with an offset and empty chunks': {
    'a view whose offset is forgotten': {
      ...counted,
      measure: (bytes, start, end, seen) => counted.measure(new Uint8Array(bytes.buffer), start, end, seen),
    },
    'slice, which copies or not': {
      ...counted,
      measure: (bytes, start, end, seen) => counted.measure(bytes.slice(start, end), 0, end - start, seen),
    },
  },
  'lets the caller reuse its chunk as soon as it has returned': {
    'a view of the chunk that is read later': keepingView(),
  },
  'keeps the order when paused at every frame': { 'a header that differs from call to call': tiring() },
  'visits no frame twice when the visitor throws at every frame': {
    'a header that differs from call to call': tiring(),
  },
  'knows the length of a frame by its last byte and never changes it': {
    'a length that grows with what is there': {
      ...counted,
      measure: measureOf((length, there) => (length > there ? length + 1 : length)),
    },
    'a length that is known one byte late': {
      ...counted,
      measure: measureOf((length, there) => (length >= there ? 0 : length)),
    },
  },
  'looks at no byte in front of the frame or behind what has arrived': {
    'a length field that is read behind the end': {
      ...counted,
      measure: (bytes, start, end, seen) =>
        end - start === 1 && start + 1 < bytes.length
          ? payloadAt(bytes, start) + 2
          : counted.measure(bytes, start, end, seen),
    },
    'a header that depends on the byte in front': {
      ...counted,
      headerLength: (bytes, start) => (bytes[start - 1] === 0xff ? 1 : 2),
    },
    'a trailer that depends on the byte behind': {
      ...counted,
      trailerLength: (bytes, start, length) => (bytes[start + length] === 0xff ? 1 : 0),
    },
  },
  'encodes exactly the bytes it announced, where it was told to': {
    'one byte more than announced': {
      ...counted,
      encodeInto(target, at, payload) {
        const end = counted.encodeInto(target, at, payload)
        target[end] = 0
        return end
      },
    },
    'an end that is not the end': {
      ...counted,
      encodeInto: (target, at, payload) => counted.encodeInto(target, at, payload) - 1,
    },
    'a length that is announced too long': { ...counted, encodedLength: (length) => counted.encodedLength(length) + 1 },
    'the payload of the array below a view': {
      ...counted,
      encodeInto: (target, at, payload) =>
        counted.encodeInto(target, at, new Uint8Array(payload.buffer, 0, payload.length)),
    },
  },
  'leaves payload and header as they were': {
    'a payload that is masked in place': {
      ...counted,
      encodeInto(target, at, payload) {
        payload.forEach((byte, index) => {
          payload[index] = byte ^ 1
        })
        return counted.encodeInto(target, at, payload)
      },
    },
  },
  'writes nothing when there is no room': {
    'the header in front of the check': {
      ...counted,
      encodeInto(target, at, payload) {
        counted.encodeHeaderInto(target, Math.max(at, 0), payload.length)
        return counted.encodeInto(target, at, payload)
      },
    },
    'no check, and typed arrays drop what is outside': {
      ...counted,
      encodeInto(target, at, payload) {
        target[at] = payload.length >> 8
        target[at + 1] = payload.length
        for (let index = 0; index < payload.length; index++) target[at + 2 + index] = payload[index] as number
        return at + 2 + payload.length
      },
    },
  },
  'writes nothing when it refuses the bytes of a payload': {
    'the end in front of the check': {
      ...searched,
      encodeInto(target, at, payload) {
        target.set([0x0d, END], at + payload.length)
        return searched.encodeInto(target, at, payload)
      },
    },
  },
  'refuses to encode more than maxFrameLength, and writes nothing': {
    'no limit on what is announced': { ...counted, encodedLength: (length) => length + 2 },
    'no limit on the header alone': {
      ...counted,
      encodeHeaderInto: (target, at, length) => counted.encodeHeaderInto(target, at, length % 256),
    },
    'another error': {
      ...counted,
      encodedLength(length) {
        if (length > MOST) throw new RangeError('too long')
        return length + 2
      },
    },
  },
  'encodes many payloads as their frames, one behind the other': {
    'an end that is the end of the target': {
      ...counted,
      encodeInto(target, at, payload) {
        counted.encodeInto(target, at, payload)
        return target.length
      },
    },
  },
  'writes header and trailer alone as it writes them around a payload': {
    'the other byte order': {
      ...counted,
      encodeHeaderInto(target, at, length) {
        target[at] = length
        target[at + 1] = length >> 8
        return at + 2
      },
    },
    'a trailer that was not announced': {
      ...counted,
      encodeTrailerInto(target, at) {
        target[at] = 0
        return at + 1
      },
    },
    'a header without a trailer': { ...searched, encodeHeaderInto: (_, at) => at },
  },
  'makes the same frame of a header that it has written': {
    'a second header in front of the one that was given': {
      ...counted,
      encodedLength: (length, header) => counted.encodedLength(length) + (header?.length ?? 0),
      encodeInto(target, at, payload, header = new Uint8Array(0)) {
        checkRoom(target, at, counted.encodedLength(payload.length) + header.length)
        target.set(header, at)
        return counted.encodeInto(target, at + header.length, payload)
      },
    },
  },
  'hands out empty frames': {
    'an empty frame that is taken for an unknown length': {
      ...counted,
      measure: measureOf((length) => (length === 2 ? 0 : length)),
    },
  },
  'carries a payload of maxFrameLength': {
    'a limit that is one too low in this direction': {
      ...counted,
      measure: measureOf((length) => {
        if (length === MOST + 2) throw frameTooLong(MOST, MOST, MOST + 2)
        return length
      }),
    },
  },
  'refuses a frame above maxFrameLength from its header': {
    'no limit': {
      ...counted,
      measure: (bytes, start, end) => (end - start < 2 ? 0 : payloadAt(bytes, start) + 2),
    },
    'a limit that is compared when the body is there': {
      ...counted,
      measure(bytes, start, end, seen) {
        const isThere = end - start >= 2 && end - start >= payloadAt(bytes, start) + 2
        return isThere || end - start < 2 || payloadAt(bytes, start) <= MOST
          ? counted.measure(bytes, start, end, seen)
          : 0
      },
    },
    'another limit in the error': {
      ...counted,
      measure(bytes, start, end) {
        if (end - start < 2) return 0
        const payload = payloadAt(bytes, start)
        if (payload > MOST) throw frameTooLong(payload, MOST + 1, payload + 2)
        return payload + 2
      },
    },
  },
  'refuses a frame one byte above maxFrameLength where its end is searched for': {
    'a limit that holds only while no end is there': {
      ...searched,
      measure(bytes, start, end, seen) {
        const at = bytes.subarray(start, end).indexOf(END, seen)
        return at < 0 ? searched.measure(bytes, start, end, seen) : at + 1
      },
    },
  },
  'looks at a byte a bounded number of times, one long frame byte by byte': {
    'a search that starts over': {
      ...searched,
      measure: (bytes, start, end) => searched.measure(bytes, start, end, 0),
    },
  },
  'looks at a byte a bounded number of times, many frames in one chunk': {
    'a search that goes on to the end of the chunk': {
      ...searched,
      measure(bytes, start, end, seen) {
        bytes.subarray(start, end).indexOf(0)
        return searched.measure(bytes, start, end, seen)
      },
    },
  },
  'comes to the same frames and the same error however damaged bytes are cut': {
    'an error that tells how much had arrived': {
      ...counted,
      measure(bytes, start, end) {
        if (end - start < 2) return 0
        const payload = payloadAt(bytes, start)
        if (payload > MOST) throw frameTooLong(end - start, MOST)
        return payload + 2
      },
    },
  },
  'makes nothing of any byte that repeats but frames and a FramingError': {
    'an error of another kind': {
      ...counted,
      measure(bytes, start, end, seen) {
        if (end - start >= 2 && bytes[start] === 0xff) throw new TypeError('not a length')
        return counted.measure(bytes, start, end, seen)
      },
    },
  },
  'makes nothing of garbage but frames and a FramingError': {
    'a header and a trailer that overlap': { ...counted, trailerLength: (_, __, length) => (length < 10 ? 9 : 0) },
  },
  'throws the first error again from every later call, and keeps nothing': {
    'an error of the header, which comes behind the measure': {
      ...counted,
      headerLength(bytes, start) {
        if (bytes[start + 1] === 0) throw new FramingError('INVALID_HEADER', 'empty')
        return 2
      },
    },
  },
  'gives up on a frame without end soon after maxFrameLength': {
    'a search without a limit': {
      ...searched,
      measure: (bytes, start, end, seen) => bytes.subarray(start, end).indexOf(END, seen) + 1,
    },
  },
}
