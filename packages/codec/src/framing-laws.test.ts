import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { BROKEN, counted, searched } from '../test/broken-framings.ts'
import { defineFraming } from './define-framing.ts'
import { encode } from './encode.ts'
import { fixedLength } from './fixed-length.ts'
import type { Framing } from './framing.ts'
import { FramingError } from './framing-error.ts'
import { framingLaws } from './framing-laws.ts'
import type { FramingLaw, FramingLawOptions } from './law-subject.ts'
import { PayloadCandidates } from './payload-candidates.ts'

const RUNS = { numRuns: 30 }
/** So that a fault is found each time or never. */
const SEED = { ...RUNS, seed: 1 }

function lawOf(framing: Framing, name: string): FramingLaw {
  const law = framingLaws(framing, SEED).find((each) => each.name === name)
  return law as FramingLaw
}

function namesOf(framing: Framing, options?: FramingLawOptions): string[] {
  return framingLaws(framing, options).map(({ name }) => name)
}

/** A length in front and a mark behind that must be right, as in AMQP: the length is answered when the mark is there. */
const marked: Framing = {
  ...counted,
  measure(bytes, start, end, seen) {
    const length = counted.measure(bytes, start, end, seen)
    if (length === 0 || start + length + 1 > end) return 0
    if (bytes[start + length] === 0xce) return length + 1
    throw new FramingError('INVALID_HEADER', `byte ${bytes[start + length]} where the frame ends`)
  },
  trailerLength: () => 1,
  encodedLength: (payloadLength) => counted.encodedLength(payloadLength) + 1,
  encodeInto(target, at, payload) {
    if (at < 0 || at + marked.encodedLength(payload.length) > target.length) throw new RangeError('no room')
    const end = counted.encodeInto(target, at, payload)
    target[end] = 0xce
    return end + 1
  },
  encodeTrailerInto(target, at) {
    target[at] = 0xce
    return at + 1
  },
}

describe.each([
  ['a length', counted],
  ['an end', searched],
  ['a length with a mark at its end', marked],
])('a sound framing by %s keeps', (_, framing) => {
  for (const law of framingLaws(framing, RUNS)) test(law.name, () => law.check())
})

describe.each(Object.entries(BROKEN))('"%s" does not hold for', (name, framings) => {
  test.each(Object.entries(framings))('%s', (_, framing) => {
    const law = lawOf(framing, name)
    expect(() => law.check()).toThrow()
  })
})

test('every law has a broken framing that it finds', () => {
  expect(Object.keys(BROKEN).sort()).toEqual(namesOf(counted).sort())
})

describe('a framing that only decodes', () => {
  const { measure, headerLength } = counted
  const decoding = defineFraming({ measure, headerLength, maxFrameLength: counted.maxFrameLength })
  const frame = fc.uint8Array({ maxLength: 40 }).map((payload) => encode(counted, payload))

  describe('keeps, without frames to try, what holds for any bytes', () => {
    for (const law of framingLaws(decoding, RUNS)) test(law.name, () => law.check())
  })

  describe('keeps, with frames to try, all laws of delivery', () => {
    for (const law of framingLaws(decoding, { ...RUNS, frame })) test(law.name, () => law.check())
  })

  test('is asked for nothing about encoding', () => {
    const [any, given, all] = [namesOf(decoding), namesOf(decoding, { frame }), namesOf(counted)]
    expect(any.length).toBeLessThan(given.length)
    expect(given.length).toBeLessThan(all.length)
    expect(all).toEqual(expect.arrayContaining(given))
    expect(given.filter((name) => /encode|write/.test(name))).toEqual([])
  })

  test('is found out by frames that it does not read as one', () => {
    const [law] = framingLaws(decoding, { ...SEED, frame: frame.map((wire) => wire.subarray(1)) })
    expect(() => law?.check()).toThrow('Property failed')
  })
})

describe('the payloads it tries where none are given', () => {
  test('hold what a delimiter allows, even its own bytes', () => {
    const tried = fc.sample(new PayloadCandidates(searched).arbitrary() as fc.Arbitrary<Uint8Array>, 500)
    for (const payload of tried) expect(() => encode(searched, payload)).not.toThrow()
    expect(tried.some(({ length }) => length === 0)).toBe(true)
    expect(tried.some(({ length }) => length === searched.maxFrameLength)).toBe(true)
    expect(new Set(tried.flatMap((payload) => [...payload])).size).toBeGreaterThan(200)
  })

  test.each([1, 7, 299, 300, 301, 5000])('are of the only length that a framing of %i bytes takes', (length) => {
    const tried = fc.sample(new PayloadCandidates(fixedLength(length)).arbitrary() as fc.Arbitrary<Uint8Array>, 5)
    expect(new Set(tried.map((payload) => payload.length))).toEqual(new Set([length]))
  })

  test('are none where a framing refuses all, and the caller is asked for some', () => {
    const choosy: Framing = {
      ...counted,
      encodeInto() {
        throw new FramingError('UNENCODABLE', 'not in this language')
      },
    }
    expect(() => framingLaws(choosy)).toThrow(TypeError)
    expect(() => framingLaws(choosy)).toThrow('give `payload`')
    const payload = fc.constant(new Uint8Array(3))
    expect(framingLaws(choosy, { payload }).length).toBe(framingLaws(counted).length)
  })
})

describe('the options', () => {
  test('payload and header are what is encoded', () => {
    const seen = new Set<string>()
    const spying: Framing = {
      ...counted,
      encodeInto(target, at, payload, header) {
        seen.add(`${payload} ${header}`)
        return counted.encodeInto(target, at, payload)
      },
    }
    const options = { payload: fc.constant(Uint8Array.of(7, 8)), header: fc.constant(Uint8Array.of(9)) }
    const laws = framingLaws(spying, { ...RUNS, ...options })
    seen.clear()
    laws.find(({ name }) => name === 'hands out every frame that arrives whole')?.check()
    expect([...seen]).toEqual(['7,8 9'])
  })

  test('handsOut is what a framing that keeps its header is compared with', () => {
    const keeping = { ...counted, headerLength: () => 0 }
    const [strict] = framingLaws(keeping, SEED)
    const [law] = framingLaws(keeping, { ...SEED, handsOut: (_, frame) => frame })
    expect(() => strict?.check()).toThrow()
    expect(() => law?.check()).not.toThrow()
  })

  test('numRuns and seed decide how often and on what a law is tried', () => {
    const tried: string[][] = []
    for (const seed of [1, 1, 2]) {
      const payloads: string[] = []
      const payload = fc.uint8Array({ minLength: 4, maxLength: 8 }).map((bytes) => {
        payloads.push(bytes.join())
        return bytes
      })
      framingLaws(counted, { payload, numRuns: 3, seed })[0]?.check()
      tried.push(payloads)
    }
    expect(tried[0]).toEqual(tried[1])
    expect(tried[0]).not.toEqual(tried[2])
    expect(tried[0]?.length).toBeLessThanOrEqual(3 * 4)
  })

  test('a law that fails says how to repeat it and what differed', () => {
    const [law] = framingLaws({ ...counted, headerLength: () => 1 }, { numRuns: 9, seed: 5 })
    expect(() => law?.check()).toThrow(/seed: 5[\s\S]*frame 0: expected \[/)
  })
})
