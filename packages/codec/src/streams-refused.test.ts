import { expect, test } from 'vitest'
import type { Framing } from './framing.ts'
import { lengthField } from './length-field.ts'
import { decoderStream, encoderStream, frames } from './streams.ts'

const spread: Framing = { ...lengthField() }

test.each<[string, () => unknown]>([
  ['frames', () => frames((async function* () {})(), spread)],
  ['decoderStream', () => decoderStream(spread)],
  ['encoderStream', () => encoderStream(spread)],
])('%s refuses what is no framing at the call, not when something is read or written', (_, make) => {
  expect(make).toThrow(TypeError)
  expect(make).toThrow(/cannot be spread$/)
})
