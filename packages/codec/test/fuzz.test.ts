// A short form of `npm run fuzz -w packages/codec`, which tries a million streams for each framing, or FUZZ_ROUNDS, and
// prints what they took.

import { expect, test } from 'vitest'
import { fixedLength } from '../src/fixed-length.ts'
import type { Framing } from '../src/framing.ts'
import { FUZZED, fuzz } from './fuzz.ts'

const isLong = (import.meta as { env?: { MODE?: string } }).env?.MODE === 'fuzz'
const ROUNDS = isLong ? Number(process.env.FUZZ_ROUNDS ?? 1_000_000) : 1_000
const MIB = 1024 * 1024

test.each(Object.entries(FUZZED))(
  '%s makes of random bytes frames or a FramingError, the same for any chunks',
  (name, framing) => {
    const seed = Math.floor(Math.random() * 2 ** 31)
    const { rounds, seconds, bytes, frames, skipped, errors, memory } = fuzz(framing, ROUNDS, seed)
    if (isLong) {
      const numbers = [
        `${rounds} rounds`,
        `${bytes} bytes`,
        `${frames} frames`,
        `${skipped} skipped`,
        JSON.stringify(errors),
      ]
      console.log(
        `${name}: ${seconds.toFixed(1)} s, peak ${(memory / MIB).toFixed(1)} MiB, seed ${seed}, ${numbers.join(', ')}`,
      )
    }
    expect(frames).toBeGreaterThan(0)
    expect(Object.values(errors).reduce((sum, count) => sum + count, 0)).toBeGreaterThan(rounds / 10)
    expect(memory).toBeLessThan(256 * MIB)
  },
  600_000,
)

test.each<[string, Framing['measure'], RegExp]>([
  ['throws another error', () => Number(Symbol()), /^seed 1, round \d+, [0-9a-f]+: TypeError: /],
  [
    'depends on the chunks',
    (_, start, end) => Math.min(3, end - start),
    /^seed 1, round \d+, [0-9a-f]+: Error: whole [\d,-]+, in chunks /,
  ],
])('finds a framing that %s, and says how to repeat it', (_, measure, message) => {
  const whole = fixedLength(1)
  const broken: Framing = {
    maxFrameLength: 1,
    measure,
    headerLength: () => 0,
    trailerLength: () => 0,
    encodedLength: (payloadLength) => whole.encodedLength(payloadLength),
    encodeInto: (target, at, payload) => whole.encodeInto(target, at, payload),
  }
  expect(() => fuzz(broken, 100, 1)).toThrow(message)
})
