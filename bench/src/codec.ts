// `npm run bench:codec`: decoding and encoding in nanoseconds a frame, beside other decoders and a plain copy in the same
// run, alternating rounds; a 64 MiB frame in small chunks; and what a decoder that waits costs. Ratios, not times, count.

import { parseArgs } from 'node:util'
import { encodeAll, FrameDecoder, lengthField } from '@framewire/codec'
import { type Decoder, decoders } from './codec-decoders.ts'
import { CHUNK_LENGTH, framesFor, payloadOf, repeated } from './codec-work.ts'
import { describeMachine, machineLine } from './machine.ts'
import { alternate, median, pairedRatio } from './rounds.ts'

const SIZES = [16, 256, 4_096, 65_536, 1_048_576]
const MiB = 1024 * 1024

async function nanosecondsAFrame(decoder: Decoder, chunks: readonly Uint8Array[], frames: number): Promise<number> {
  const begin = process.hrtime.bigint()
  const found = await decoder.decode(chunks)
  const elapsed = Number(process.hrtime.bigint() - begin)
  if (Math.round(found) !== frames) throw new Error(`${decoder.name} found ${found} of ${frames} frames`)
  return elapsed / frames
}

async function decoding(rounds: number): Promise<void> {
  const { found, missing } = await decoders()
  for (const { name, reason } of missing) console.log(`not run: ${name} (${reason}; npm run bench:setup installs it)`)
  console.log('\ndecoding, ns a frame, from chunks of 64 KiB; (ratio: how many times faster framewire push is)')
  for (const size of SIZES) {
    const payload = payloadOf(size)
    const frames = framesFor(size)
    const work = new Map(
      found.map((decoder) => [decoder.name, { decoder, chunks: repeated(decoder.encode(payload), frames) }]),
    )
    const measure = (name: string): Promise<number> => {
      const { decoder, chunks } = work.get(name) as { decoder: Decoder; chunks: Uint8Array[] }
      return nanosecondsAFrame(decoder, chunks, frames)
    }
    await alternate([...work.keys()], 2, measure) // warm-up
    const samples = await alternate([...work.keys()], rounds, measure)
    const base = samples[0]?.rounds ?? []
    console.log(`  ${size} B`)
    for (const { contender, rounds: values, failure } of samples) {
      if (failure !== undefined) console.log(`    ${contender.padEnd(24)} failed: ${failure}`)
      else {
        const ratio = pairedRatio(values, base)
        const text = `${median(values).toFixed(1).padStart(12)}  ${ratio.median.toFixed(2)} (${ratio.min.toFixed(2)}–${ratio.max.toFixed(2)})`
        console.log(`    ${contender.padEnd(24)}${text}`)
      }
    }
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

async function encoding(rounds: number): Promise<void> {
  const framing = lengthField()
  const payloads = Array.from({ length: 10_000 }, () => payloadOf(64))
  const ways: Record<string, () => Uint8Array> = {
    encodeAll: () => encodeAll(framing, payloads),
    'by hand': () => encodeByHand(payloads),
  }
  const measure = async (name: string): Promise<number> => {
    const begin = process.hrtime.bigint()
    const wire = ways[name]?.()
    const elapsed = Number(process.hrtime.bigint() - begin)
    if (wire?.length !== 68 * payloads.length) throw new Error(`${name} wrote ${wire?.length} bytes`)
    return elapsed / payloads.length
  }
  await alternate(Object.keys(ways), 20, measure)
  const [ours, hand] = await alternate(Object.keys(ways), rounds * 5, measure)
  if (ours === undefined || hand === undefined) return
  const ratio = pairedRatio(hand.rounds, ours.rounds)
  console.log(
    `\nencoding 64 B payloads, ns a frame: encodeAll ${median(ours.rounds).toFixed(1)}, by hand ${median(hand.rounds).toFixed(1)}`,
  )
  console.log(`  encodeAll reaches ${ratio.median.toFixed(2)} of it (${ratio.min.toFixed(2)}–${ratio.max.toFixed(2)})`)
}

/** One 64 MiB frame: the time must follow the bytes and the chunks, not their product. */
function largeFrame(): void {
  const framing = lengthField({ maxFrameLength: 64 * MiB })
  const wire = new Uint8Array(4 + 64 * MiB)
  new DataView(wire.buffer).setUint32(0, 64 * MiB)
  console.log('\none frame of 64 MiB')
  for (const chunkLength of [CHUNK_LENGTH, 1024, 1]) {
    for (const length of [16 * MiB, 64 * MiB]) {
      new DataView(wire.buffer).setUint32(0, length)
      const decoder = new FrameDecoder(framing)
      let frames = 0
      const begin = performance.now()
      for (let at = 0; at < 4 + length; at += chunkLength) {
        decoder.push(wire.subarray(at, Math.min(4 + length, at + chunkLength)), () => {
          frames++
        })
      }
      const ms = performance.now() - begin
      if (frames !== 1) throw new Error(`${frames} frames of 1`)
      console.log(
        `  ${String(length / MiB).padStart(3)} MiB in chunks of ${String(chunkLength).padStart(6)} B: ${ms.toFixed(0)} ms`,
      )
    }
  }
}

/** Decoders that were told "4 MiB follow" and got nothing. */
function waitingDecoders(): void {
  const count = 10_000
  const framing = lengthField()
  const header = Uint8Array.of(0, 0x40, 0, 0)
  globalThis.gc?.()
  const before = process.memoryUsage()
  const waiting = Array.from({ length: count }, () => {
    const decoder = new FrameDecoder(framing)
    decoder.push(header, () => {})
    return decoder
  })
  const after = process.memoryUsage()
  const bytes = after.heapUsed + after.arrayBuffers - before.heapUsed - before.arrayBuffers
  console.log(
    `\n${waiting.length} decoders that wait for 4 MiB each: ${(bytes / count).toFixed(0)} B each (limit 16384)`,
  )
  if (bytes / count > 16_384) process.exitCode = 1
}

const { values: options } = parseArgs({ options: { rounds: { type: 'string', default: '9' } } })
const rounds = Number(options.rounds)
if (!(Number.isInteger(rounds) && rounds > 0))
  throw new RangeError(`--rounds takes a whole number, got ${options.rounds}`)
console.log(machineLine(describeMachine(false)))
waitingDecoders()
await decoding(rounds)
await encoding(rounds)
largeFrame()
