// docs/codec.md: its program runs, and each framing that its table names can be made as it stands there.
import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import * as codec from '../src/index.ts'
import { framingLaws } from '../src/testing.ts'

const guide = readFileSync(new URL('../../../docs/codec.md', import.meta.url), 'utf8')

test('the blocks are one program, and every law holds for the framing that it makes', () => {
  const code = Array.from(guide.matchAll(/^```ts\n(.*?)^```$/gms), ([, text]) => text as string).join('')
  const imports = Array.from(code.matchAll(/^import \{ (.+) \} from '@framewire\/codec(?:\/testing)?'$/gm))
  expect(imports.flatMap(([, names = '']) => names.split(', '))).toEqual([
    'defineFraming',
    'FramingError',
    'text',
    'framingLaws',
  ])
  const held: string[] = []
  const run = (name: string, check: () => void) => {
    check()
    held.push(name)
  }
  const body = `'use strict'\n${code.replaceAll(/^import .*\n/gm, '')}`
  const { defineFraming, FramingError, text } = codec
  new Function('defineFraming', 'FramingError', 'text', 'framingLaws', 'test', body)(
    defineFraming,
    FramingError,
    text,
    framingLaws,
    run,
  )
  expect(held.length).toBeGreaterThan(20)
})

describe('the table of protocols', () => {
  const [section = ''] = guide.split('## What does your protocol look like?')[1]?.split('\n## ') ?? []
  const cells = Array.from(section.matchAll(/^\| .+? \| `(\w+\(.*?\))`/gm), ([, call]) => call as string)
  // What a row leaves out with dots, or leaves to the reader, stands in examples/src/protocols.
  const calls = cells.filter((call) => !/\.\.\.|\{ (?:readLength|measure) |, readLength,|\{ measure \}/.test(call))

  test.each(calls)('%s makes a framing that brings a payload back', (call) => {
    const names = Object.keys(codec)
    const make = new Function(...names, `'use strict'\nreturn ${call}`)
    const framing = make(...Object.values(codec)) as codec.Framing
    const payload = new Uint8Array(40).fill(0x61)
    const [frame] = codec.decodeAll(framing, codec.encode(framing, payload))
    expect(codec.text.decode(frame as Uint8Array)).toContain('a'.repeat(40))
  })

  test('has at least a dozen of them', () => {
    expect(calls.length).toBeGreaterThanOrEqual(12)
  })
})
