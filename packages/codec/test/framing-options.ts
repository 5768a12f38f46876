// Arbitrary framings and streams for properties.

import fc from 'fast-check'
import type { LengthFieldOptions } from '../src/length-field.ts'

const small = (max: number) => fc.nat({ max })

const common = {
  lengthFieldOffset: small(4),
  trailerLength: small(3),
  stripHeader: fc.oneof(fc.boolean(), small(8)),
  lengthCounts: fc.oneof(
    fc.constantFrom('payload', 'afterLengthField', 'fromLengthField', 'frame' as const),
    fc.integer({ min: -12, max: 12 }),
  ),
}

const fixedWidth: fc.Arbitrary<LengthFieldOptions> = fc
  .record({
    ...common,
    lengthFieldLength: fc.constantFrom(1, 2, 3, 4, 8 as const),
    byteOrder: fc.constantFrom('big', 'little' as const),
    behindField: small(5),
  })
  .map(({ behindField, ...options }) => ({
    ...options,
    headerLength: options.lengthFieldOffset + options.lengthFieldLength + behindField,
  }))

const varint: fc.Arbitrary<LengthFieldOptions> = fc.record({
  ...common,
  lengthFieldLength: fc.constant('varint' as const),
  maxVarintLength: fc.integer({ min: 2, max: 8 }),
})

/** Every option of lengthField, in any combination that some frame can meet. */
export const lengthFieldOptions: fc.Arbitrary<LengthFieldOptions> = fc.oneof(fixedWidth, varint)

/** Payloads on both sides of the sizes where something changes: 0, the varint's second byte, a block, a read buffer. */
export const payload: fc.Arbitrary<Uint8Array> = fc
  .oneof(
    { weight: 8, arbitrary: small(40) },
    { weight: 4, arbitrary: fc.integer({ min: 100, max: 270 }) },
    { weight: 1, arbitrary: fc.integer({ min: 4000, max: 9000 }) },
  )
  .chain((length) => fc.nat(255).map((first) => new Uint8Array(length).map((_, at) => first + at * 31)))

/** Lengths of chunks, taken over and over; 0 is an empty chunk. */
export const chunkLengths: fc.Arbitrary<number[]> = fc.array(
  fc.oneof(small(3), small(40), fc.integer({ min: 1, max: 5000 })),
  { minLength: 1, maxLength: 6 },
)
