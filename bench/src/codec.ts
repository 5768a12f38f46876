// `npm run bench:codec`: decoding and encoding in nanoseconds a frame, beside other decoders and a plain copy in the same
// run, alternating rounds; a 64 MiB frame in small chunks; and what a decoder that waits costs. Ratios, not times, count.

import { parseArgs } from 'node:util'
import { FrameDecoder, lengthField } from '@framewire/codec'
import type { Cell } from './cell.ts'
import { decodingCell, encodingCell } from './codec-cells.ts'
import { CHUNK_LENGTH } from './codec-work.ts'
import { describeMachine, machineLine } from './machine.ts'
import type { Spread } from './rounds.ts'

const SIZES = [16, 256, 4_096, 65_536, 1_048_576]
const MiB = 1024 * 1024

async function decoding(rounds: number): Promise<void> {
  console.log('\ndecoding, ns a frame, from chunks of 64 KiB; ratio: frames a second against the baseline')
  for (const size of SIZES) print(await decodingCell(size, rounds))
}

async function encoding(rounds: number): Promise<void> {
  console.log('\nencoding, ns a frame')
  print(await encodingCell(rounds))
}

function print({ title, baseline, results }: Cell): void {
  console.log(`  ${title}, baseline ${baseline}`)
  for (const { contender, value, ratio, failure, notRun } of results) {
    const name = `    ${contender.padEnd(24)}`
    if (value === undefined)
      console.log(`${name} ${failure === undefined ? `not run: ${notRun}` : `failed: ${failure}`}`)
    else
      console.log(
        `${name}${(1e9 / value.median).toFixed(1).padStart(12)}  ${ratio === undefined ? '' : spreadText(ratio)}`,
      )
  }
}

function spreadText({ median, min, max }: Spread): string {
  return `${median.toFixed(2)} (${min.toFixed(2)}–${max.toFixed(2)})`
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
