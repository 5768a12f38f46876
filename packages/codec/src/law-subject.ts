// What the laws are tried on: a framing, frames that it carries, and streams that are damaged or never were good.

import fc from 'fast-check'
import { join } from './chunks.ts'
import type { Framing } from './framing.ts'
import { type Carried, Sample } from './law-sample.ts'
import { PayloadCandidates } from './payload-candidates.ts'

/** What the laws are tried on, and how often. */
export interface FramingLawOptions {
  /** Payloads to carry. @default short ones of any bytes that `encode` takes */
  payload?: fc.Arbitrary<Uint8Array>
  /** The caller's own header bytes, for a framing that takes them. @default none */
  header?: fc.Arbitrary<Uint8Array>
  /** Whole frames as they stand on the wire, for a framing that only decodes: laws of encoding are left out. */
  frame?: fc.Arbitrary<Uint8Array>
  /** What is handed out for a payload. @default the payload; of a `frame` what stands between header and trailer */
  handsOut?: (payload: Uint8Array, frame: Uint8Array) => Uint8Array
  /** How often each law is tried. @default fast-check's own number */
  numRuns?: number
  /** Repeats a run that failed, by the seed it printed. */
  seed?: number
}

/** A law, to be made a test of. */
export interface FramingLaw {
  /** A sentence about behaviour. */
  name: string
  /** Throws an Error where the law does not hold. */
  check(): void
}

/** A law that has no framing yet. */
export interface Law {
  name: string
  check: (subject: LawSubject) => void
}

/** Bytes of any quality, and a way to decode them. */
export interface DoubtfulStream {
  bytes: Uint8Array
  /** Of chunks, taken over and over. */
  lengths: number[]
  oversize: 'error' | 'skip'
}

const CHUNK_LENGTHS = fc.array(fc.oneof(fc.nat(3), fc.nat(40), fc.integer({ min: 1, max: 5000 })), {
  minLength: 1,
  maxLength: 6,
})

const GARBAGE = fc.oneof(
  fc.uint8Array({ maxLength: 80 }),
  fc.uint8Array({ max: 5, maxLength: 40 }),
  fc.string({ unit: fc.constantFrom(...'0123456789:, \r\n\0+-$*ACLaclent'), maxLength: 40 }).map((text) => {
    return new TextEncoder().encode(text)
  }),
)

export class LawSubject {
  readonly framing: Framing
  readonly candidates: PayloadCandidates
  readonly #carried: fc.Arbitrary<Carried> | undefined
  readonly #options: FramingLawOptions

  constructor(framing: Framing, options: FramingLawOptions) {
    this.framing = framing
    this.#options = options
    const [header] = options.header === undefined ? [] : fc.sample(options.header, { numRuns: 1, seed: 1 })
    this.candidates = new PayloadCandidates(framing, header)
    this.#carried = this.#anyCarried()
  }

  /** Whether there are frames to try. */
  get hasFrames(): boolean {
    return this.#carried !== undefined
  }

  /** Whether there are payloads to encode. */
  get isEncoding(): boolean {
    return this.hasFrames && this.#options.frame === undefined
  }

  /** Tries a check on many samples of frames, with lengths of chunks for their stream. */
  everySample(check: (sample: Sample, lengths: number[]) => void): void {
    const frames = fc.array(this.#carried as fc.Arbitrary<Carried>, { minLength: 2, maxLength: 4 })
    this.#every(fc.property(frames, CHUNK_LENGTHS, (carried, lengths) => check(this.sample(carried), lengths)))
  }

  /** Tries a check on many streams: some frames, damage, garbage behind them. */
  everyStream(check: (stream: DoubtfulStream) => void): void {
    const frames = this.#carried === undefined ? fc.constant([]) : fc.array(this.#carried, { maxLength: 3 })
    const flips = fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 2 })
    const oversizes = fc.constantFrom('error' as const, 'skip' as const)
    const parts = fc.tuple(frames, flips, GARBAGE, CHUNK_LENGTHS, oversizes)
    const property = fc.property(parts, ([carried, damage, garbage, lengths, oversize]) => {
      const bytes = join([this.sample(carried).stream, garbage])
      for (const [at, value] of damage) if (bytes.length > 0) bytes[at % bytes.length] = value
      check({ bytes, lengths, oversize })
    })
    this.#every(property)
  }

  sample(carried: readonly Carried[]): Sample {
    return new Sample(this.framing, carried, this.#options.handsOut)
  }

  #every<T>(property: fc.IProperty<T>): void {
    const { numRuns, seed } = this.#options
    fc.assert(property, {
      includeErrorInReport: true,
      ...(numRuns === undefined ? {} : { numRuns }),
      ...(seed === undefined ? {} : { seed }),
    })
  }

  #anyCarried(): fc.Arbitrary<Carried> | undefined {
    const { frame, header } = this.#options
    if (frame !== undefined) return frame.map((wire) => ({ wire }))
    if (!this.candidates.isEncoding) return undefined
    const payload = this.#options.payload ?? this.candidates.arbitrary()
    if (payload === undefined) throw new TypeError('found no payload that this framing encodes: give `payload`')
    return fc.record({ payload, header: header ?? fc.constant(undefined) })
  }
}
