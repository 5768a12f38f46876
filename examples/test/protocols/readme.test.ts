// The two lines of code in src/protocols/README.md, and its table: each file has a row.
import { readdirSync, readFileSync } from 'node:fs'
import { encode, FrameDecoder, text } from '@framewire/codec'
import { expect, test } from 'vitest'
import { messageHeader, startupPackets, typedMessages } from '../../src/protocols/postgres.ts'

const FOLDER = new URL('../../src/protocols/', import.meta.url)
const README = readFileSync(new URL('README.md', FOLDER), 'utf8')

test('the example changes the framing and writes a query with its type in front', () => {
  const [, code = ''] = /```js\n([\s\S]*?)```/.exec(README) ?? []
  const decoder = new FrameDecoder(startupPackets)
  const written: Uint8Array[] = []
  const socket = { write: (bytes: Uint8Array) => written.push(bytes) }
  const names = { decoder, socket, encode, text, typedMessages, messageHeader }
  new Function(...Object.keys(names), `'use strict'\n${code}`)(...Object.values(names))
  expect(written.map((bytes) => text.decode(bytes))).toEqual(['Q\0\0\0\rSELECT 1\0'])
  expect(decoder.decode(written[0] as Uint8Array)).toEqual(written)
})

test('each file is named', () => {
  const files = readdirSync(FOLDER).filter((file) => file.endsWith('.ts'))
  expect(files.filter((file) => !README.includes(`\`${file}\``))).toEqual([])
})
