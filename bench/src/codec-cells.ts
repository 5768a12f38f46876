// Cells of the codec: decoding and encoding, beside other decoders and a plain copy, in one process that does nothing else.
import { encodeAll, lengthField } from '@framewire/codec'
import { type Cell, resultsOf, sizeText } from './cell.ts'
import { type Decoder, decoders } from './codec-decoders.ts'
import { framesFor, payloadOf, repeated } from './codec-work.ts'
import { alternate } from './rounds.ts'

const CHUNK_BORDER_SIZE = 64 * 1024
const ENCODED_BYTES = 64
const ENCODED_FRAMES = 10_000
const WARMUP_ROUNDS = 2
const ENCODING_WARMUP_ROUNDS = 20
/** A round of encoding takes a tenth of a round of decoding. */
const ENCODING_ROUNDS = 5

export const ENCODING_TITLE: string = `encode ${ENCODED_BYTES} B`

export function decodingTitle(size: number): string {
  return `decode ${sizeText(size)}`
}

/** Frames a second out of chunks of 64 KiB. What others made joins when it is installed. */
export async function decodingCell(size: number, rounds: number): Promise<Cell> {
  const { found, missing } = await decoders()
  const payload = payloadOf(size)
  const frames = framesFor(size)
  const chunksOf = (decoder: Decoder): Uint8Array[] => repeated(decoder.encode(payload), frames)
  const work = new Map(found.map((decoder) => [decoder.name, { decoder, chunks: chunksOf(decoder) }]))
  const measure = (name: string): Promise<number> => {
    const { decoder, chunks } = work.get(name) as { decoder: Decoder; chunks: Uint8Array[] }
    return framesPerSecond(decoder, chunks, frames)
  }
  const names = [...work.keys()]
  await alternate(names, WARMUP_ROUNDS, measure)
  const samples = await alternate(names, rounds, measure)
  const absent = missing.map(({ name, reason }) => ({ contender: name, rounds: [], notRun: reason }))
  const baseline = decodingBaseline(size, names)
  const title = decodingTitle(size)
  return {
    suite: 'codec',
    title,
    unit: 'frames/s',
    baseline,
    payloadBytes: size,
    results: [...resultsOf(samples, baseline), ...absent],
  }
}

/** Large frames can not be faster than a copy; small ones are compared with the fastest decoder found. */
function decodingBaseline(size: number, names: readonly string[]): string {
  if (size >= CHUNK_BORDER_SIZE) return 'copy'
  return names.includes('length-prefixed-stream') ? 'length-prefixed-stream' : 'Buffer.concat'
}

async function framesPerSecond(decoder: Decoder, chunks: readonly Uint8Array[], frames: number): Promise<number> {
  const begin = process.hrtime.bigint()
  const found = await decoder.decode(chunks)
  const elapsed = Number(process.hrtime.bigint() - begin)
  if (Math.round(found) !== frames) throw new Error(`${decoder.name} found ${found} of ${frames} frames`)
  return (frames * 1e9) / elapsed
}

/** Frames a second of small payloads into one buffer. */
export async function encodingCell(rounds: number): Promise<Cell> {
  const framing = lengthField()
  const payloads = Array.from({ length: ENCODED_FRAMES }, () => payloadOf(ENCODED_BYTES))
  const ways: Record<string, () => Uint8Array> = {
    'by hand': () => encodeByHand(payloads),
    'framewire encodeAll': () => encodeAll(framing, payloads),
  }
  const measure = async (name: string): Promise<number> => {
    const begin = process.hrtime.bigint()
    const wire = ways[name]?.()
    const elapsed = Number(process.hrtime.bigint() - begin)
    if (wire?.length !== (4 + ENCODED_BYTES) * ENCODED_FRAMES) throw new Error(`${name} wrote ${wire?.length} bytes`)
    return (ENCODED_FRAMES * 1e9) / elapsed
  }
  await alternate(Object.keys(ways), ENCODING_WARMUP_ROUNDS, measure)
  const samples = await alternate(Object.keys(ways), rounds * ENCODING_ROUNDS, measure)
  const results = resultsOf(samples, 'by hand')
  return {
    suite: 'codec',
    title: ENCODING_TITLE,
    unit: 'frames/s',
    baseline: 'by hand',
    payloadBytes: ENCODED_BYTES,
    results,
  }
}

/** A header written by hand and the payload copied behind it: what encoding cannot beat. */
function encodeByHand(payloads: readonly Uint8Array[]): Uint8Array {
  const total = payloads.reduce((length, payload) => length + 4 + payload.length, 0)
  const wire = new Uint8Array(total)
  let at = 0
  for (const payload of payloads) {
    const { length } = payload
    wire[at] = length >>> 24
    wire[at + 1] = length >>> 16
    wire[at + 2] = length >>> 8
    wire[at + 3] = length
    wire.set(payload, at + 4)
    at += 4 + length
  }
  return wire
}
