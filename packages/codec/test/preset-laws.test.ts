// Every preset, in the shapes of real protocols, goes through the laws that a user's own framing goes through.

import fc from 'fast-check'
import { describe, test } from 'vitest'
import { contentLength } from '../src/content-length.ts'
import { type Delimiters, delimiter, lines } from '../src/delimiter.ts'
import { fixedLength } from '../src/fixed-length.ts'
import type { Framing } from '../src/framing.ts'
import { type LengthFieldOptions, lengthField } from '../src/length-field.ts'
import { type FramingLawOptions, framingLaws } from '../src/testing.ts'
import { LENGTH_FIELDS } from './length-fields.ts'

function keeps(framing: Framing, options: FramingLawOptions = {}): void {
  for (const law of framingLaws(framing, { numRuns: 4, ...options })) test(law.name, () => law.check())
}

const whole = (_: Uint8Array, frame: Uint8Array): Uint8Array => frame

describe.each(Object.entries(LENGTH_FIELDS))('lengthField: %s', (name, options) => {
  // The default limit for one of them; a low one for the rest, because the laws try a payload of it.
  keeps(lengthField(name === 'the default' ? options : { maxFrameLength: 1000, ...options }))
})

describe.each<[string, boolean | number, number]>([
  ['false', false, 0],
  ['a number within the header', 2, 2],
  ['a number above the header', 9, 9],
])('lengthField with stripHeader, %s', (_, stripHeader, dropped) => {
  const options: LengthFieldOptions = { lengthFieldLength: 2, headerLength: 3, trailerLength: 1, maxFrameLength: 500 }
  keeps(lengthField({ ...options, stripHeader }), { handsOut: (_payload, frame) => frame.subarray(dropped) })
})

describe("lengthField with the caller's own header", () => {
  const header = fc.uint8Array({ minLength: 5, maxLength: 5 })
  keeps(lengthField({ lengthFieldLength: 2, lengthFieldOffset: 1, headerLength: 5, maxFrameLength: 300 }), { header })
})

describe('lengthField of four ASCII digits (ISO 8583)', () => {
  const digits = lengthField({
    maxFrameLength: 9999,
    readLength: (bytes, at) => Number(String.fromCharCode(...bytes.subarray(at, at + 4))),
    writeLength: (target, at, value) => {
      for (let index = 0; index < 4; index++) target[at + index] = String(value).padStart(4, '0').charCodeAt(index)
    },
  })
  keeps(digits)
})

describe.each<[string, Delimiters, number]>([
  ['one byte', '\n', 4 * 1024 * 1024],
  ['NUL, as bytes', Uint8Array.of(0), 100],
  ['a few that are no prefix of each other', ['\r\n', '\0', ';'], 64],
  ['one that begins with itself', 'aab', 20],
  ['one in front of a longer one', ['ab', 'abc'], 1000],
  ['one at the end of a longer one', ['b', 'ab'], 9],
  ['one that is long', '--boundary--\r\n', 1],
])('delimiter: %s', (_, delimiters, maxFrameLength) => {
  keeps(delimiter(delimiters, { maxFrameLength }))
})

describe.each<[string, Delimiters]>([
  ['one', '\r\n'],
  ['several', ['\n', '\r\n', '\0']],
])('delimiter that is handed out: %s', (_, delimiters) => {
  keeps(delimiter(delimiters, { stripDelimiter: false, maxFrameLength: 80 }), { handsOut: whole })
})

describe.each([
  { maxFrameLength: 1000 },
  { eol: '\r\n', maxFrameLength: 300 },
  { eol: '\r\n', unterminated: 'emit', maxFrameLength: 50 },
  { unterminated: 'emit', maxFrameLength: 1 },
] as const)('lines: %o', (options) => {
  keeps(lines(options))
})

describe.each([1, 2, 7, 40, 300, 1000])('fixedLength: %i', (length) => {
  keeps(fixedLength(length))
})

describe('contentLength', () => {
  const otherLines = fc
    .array(fc.constantFrom('Content-Type: text\r\n', 'X-A:b\r\n', 'content-length: 3\r\n', 'X-B: \xe9\r\n'))
    .map((header) => Uint8Array.from(header.join(''), (character) => character.charCodeAt(0)))

  describe('the default', () => keeps(contentLength()))
  describe('low limits', () => keeps(contentLength({ maxFrameLength: 100, maxHeaderLength: 36 })))
  describe("the caller's own lines", () => keeps(contentLength({ maxFrameLength: 200 }), { header: otherLines }))
  describe('stripHeader false', () => {
    keeps(contentLength({ stripHeader: false, maxFrameLength: 60 }), { handsOut: whole })
  })
})
