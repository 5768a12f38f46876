// Laws of frames on their way out: exactly the bytes that were announced, none of them when a frame is refused, and the
// same frame by every road.

import { cut, join } from './chunks.ts'
import { encode, encodeAll, encodeHeader } from './encode.ts'
import { FrameDecoder } from './frame-decoder.ts'
import type { Framing } from './framing.ts'
import { FramingError } from './framing-error.ts'
import { equal, errorOf, holds, same } from './law-check.ts'
import type { Sample } from './law-sample.ts'
import type { Law, LawSubject } from './law-subject.ts'

/** A payload of `maxFrameLength` is tried up to this size. */
const LARGEST = 8 * 1024 * 1024

export const ENCODING_LAWS: readonly Law[] = [
  { name: 'encodes exactly the bytes it announced, where it was told to', check: everyCarried(checkEncode) },
  { name: 'leaves payload and header as they were', check: everyCarried(checkInputs) },
  { name: 'writes nothing when there is no room', check: everyCarried(checkRoom) },
  { name: 'writes nothing when it refuses the bytes of a payload', check: checkRefusal },
  { name: 'refuses to encode more than maxFrameLength, and writes nothing', check: checkLimit },
  {
    name: 'encodes many payloads as their frames, one behind the other',
    check: (subject) => subject.everySample(checkAll),
  },
  { name: 'writes header and trailer alone as it writes them around a payload', check: everyCarried(checkParts) },
  { name: 'makes the same frame of a header that it has written', check: everyCarried(checkOwnHeader) },
  { name: 'hands out empty frames', check: checkEmpty },
  { name: 'carries a payload of maxFrameLength', check: checkLargest },
]

/** One payload with its header, and the frame that `encode` makes of them. */
interface Encoded {
  framing: Framing
  payload: Uint8Array
  header: Uint8Array | undefined
  wire: Uint8Array
}

function everyCarried(check: (encoded: Encoded) => void): (subject: LawSubject) => void {
  return (subject) => {
    subject.everySample(({ framing, carried, wires }) => {
      for (const [index, each] of carried.entries()) {
        if ('payload' in each) check({ framing, ...each, header: each.header, wire: wires[index] as Uint8Array })
      }
    })
  }
}

function checkEncode({ framing, payload, header, wire }: Encoded): void {
  equal(framing.encodedLength(payload.length, header), wire.length, 'encodedLength')
  const target = new Uint8Array(wire.length + 8).fill(0xee)
  equal(framing.encodeInto(target, 5, payload, header), 5 + wire.length, 'the end encodeInto returns')
  const around = new Uint8Array(wire.length + 8).fill(0xee)
  around.set(wire, 5)
  same([target], [around], 'in a larger target')
  const view = join([Uint8Array.of(1, 2), payload, Uint8Array.of(3)]).subarray(2, 2 + payload.length)
  same([encode(framing, view, header)], [wire], 'of a payload that is a view with an offset')
}

function checkInputs({ framing, payload, header, wire }: Encoded): void {
  const inputs = [payload, header ?? payload]
  const before = inputs.map((input) => new Uint8Array(input))
  const again = encode(framing, payload, header)
  same(inputs, before, 'payload and header behind encode')
  again.fill(0xee)
  same(inputs, before, 'payload and header when the frame is overwritten')
  same([encode(framing, payload, header)], [wire], 'encoded again')
}

function checkRoom({ framing, payload, header, wire }: Encoded): void {
  for (const [length, at] of [
    [wire.length - 1, 0],
    [wire.length + 2, 3],
    [wire.length, -1],
  ] as const) {
    const target = new Uint8Array(length).fill(0xee)
    const error = errorOf(() => framing.encodeInto(target, at, payload, header))
    holds(error instanceof RangeError, `no RangeError at ${at} of ${length} bytes for a frame of ${wire.length}`)
    holds(isUntouched(target), 'wrote to a target without room')
  }
}

function isUntouched(target: Uint8Array): boolean {
  return target.every((byte) => byte === 0xee)
}

function checkRefusal({ framing, candidates }: LawSubject): void {
  const target = new Uint8Array(4096).fill(0xee)
  for (const payload of candidates.refused().filter(({ length }) => length < 1024)) {
    const error = errorOf(() => framing.encodeInto(target, 1, payload, candidates.header))
    holds(error instanceof FramingError, 'refused by encode, but not by encodeInto')
    holds(isUntouched(target), `wrote before it refused a payload of ${payload.length} bytes`)
  }
}

function checkLimit({ framing, candidates }: LawSubject): void {
  const most = framing.maxFrameLength
  if (!Number.isSafeInteger(most + 1)) return
  const tooLong = (action: () => unknown, where: string): void => {
    const { code, length, limit } = (errorOf(action) ?? {}) as Partial<FramingError>
    equal([code, length, limit].join(), ['FRAME_TOO_LONG', most + 1, most].join(), where)
  }
  tooLong(() => framing.encodedLength(most + 1, candidates.header), 'encodedLength of maxFrameLength + 1')
  const target = new Uint8Array(4096).fill(0xee)
  const { encodeHeaderInto } = framing
  if (encodeHeaderInto !== undefined) {
    const write = (): unknown => encodeHeaderInto.call(framing, target, 0, most + 1, candidates.header)
    tooLong(write, 'encodeHeaderInto of maxFrameLength + 1')
  }
  if (most < LARGEST) {
    const payload = new Uint8Array(most + 1)
    tooLong(() => framing.encodeInto(target, 0, payload, candidates.header), 'encodeInto of maxFrameLength + 1')
  }
  holds(isUntouched(target), 'wrote before it refused a payload above maxFrameLength')
}

function checkAll({ framing, carried }: Sample): void {
  const payloads = carried.flatMap((each) => ('payload' in each && each.header === undefined ? [each.payload] : []))
  const frames = payloads.map((payload) => encode(framing, payload))
  same([encodeAll(framing, payloads)], [join(frames)], 'encodeAll')
}

function checkParts({ framing, payload, header, wire }: Encoded): void {
  const { encodeHeaderInto, encodeTrailerInto } = framing
  holds((encodeHeaderInto === undefined) === (encodeTrailerInto === undefined), 'header and trailer come together')
  if (encodeHeaderInto === undefined || encodeTrailerInto === undefined) return
  const target = new Uint8Array(wire.length + 8).fill(0xee)
  const around = new Uint8Array(target)
  around.set(wire, 5)
  const from = encodeHeaderInto.call(framing, target, 5, payload.length, header)
  target.set(payload, from)
  equal(encodeTrailerInto.call(framing, target, from + payload.length, payload.length), 5 + wire.length, 'its end')
  same([target], [around], 'header, payload and trailer')
  same([encodeHeader(framing, payload.length, header)], [wire.subarray(0, from - 5)], 'encodeHeader')
}

function checkOwnHeader({ framing, payload, header, wire }: Encoded): void {
  if (framing.encodeHeaderInto === undefined) return
  const own = encodeHeader(framing, payload.length, header)
  same([encode(framing, payload, own)], [wire], 'with a header that was kept')
}

function checkEmpty(subject: LawSubject): void {
  const empty = new Uint8Array(0)
  if (!subject.candidates.takes(empty)) return
  subject.everySample(({ carried }) => {
    const between = carried.flatMap((each) => [{ ...each, payload: empty }, each, { ...each, payload: empty }])
    const { framing, stream, expected } = subject.sample(between)
    same(new FrameDecoder(framing).decode(stream), expected, 'whole')
    const decoder = new FrameDecoder(framing)
    same(
      cut(stream, [1]).flatMap((chunk) => decoder.decode(chunk)),
      expected,
      'one byte at a time',
    )
  })
}

function checkLargest(subject: LawSubject): void {
  const { framing, candidates } = subject
  const payload = framing.maxFrameLength > LARGEST ? undefined : candidates.ofLength(framing.maxFrameLength)
  if (payload === undefined) return
  const { stream, expected } = subject.sample([{ payload, header: candidates.header }])
  for (const size of [stream.length, Math.ceil(stream.length / 2)]) {
    const decoder = new FrameDecoder(framing)
    const frames = cut(stream, [size]).flatMap((chunk) => decoder.decode(chunk))
    same(frames, expected, `in chunks of ${size}`)
  }
}
