// tokio-util: LengthDelimitedCodec. Its length_adjustment counts from behind what num_skip drops, so that
// frame = num_skip + value + length_adjustment; ours counts, as Netty's, from behind the length field.

import { copyFileSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { decodeAll, encode, type LengthFieldOptions, lengthField } from '@framewire/codec'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { SEED } from '../protocols/random-source.ts'
import { findProgram, run, ServerProcess, subfolders, TemporaryFolder } from '../protocols/server-process.ts'
import { exchange, payloads, reversed } from './exchange.ts'

interface CodecCase {
  order: 'big' | 'little'
  offset: number
  length: 1 | 2 | 3 | 4 | 8
  adjustment: number
  skip: number
  /** Of ours: the header up to the payload. */
  headerLength?: number
}

/** The combinations of the module's documentation, "length_delimited", and the other lengths. */
const CASES: CodecCase[] = [
  { order: 'big', offset: 0, length: 2, adjustment: 0, skip: 2 },
  { order: 'big', offset: 0, length: 2, adjustment: 2, skip: 0 },
  { order: 'big', offset: 0, length: 2, adjustment: -2, skip: 2 },
  { order: 'big', offset: 0, length: 3, adjustment: 5, skip: 0, headerLength: 5 },
  { order: 'big', offset: 1, length: 2, adjustment: 1, skip: 3, headerLength: 4 },
  { order: 'big', offset: 1, length: 2, adjustment: -3, skip: 3, headerLength: 4 },
  { order: 'big', offset: 0, length: 1, adjustment: 0, skip: 1 },
  { order: 'little', offset: 0, length: 4, adjustment: 0, skip: 4 },
  { order: 'little', offset: 4, length: 3, adjustment: 0, skip: 7 },
  { order: 'big', offset: 0, length: 8, adjustment: 0, skip: 8 },
]

const REGISTRY = '/usr/share/cargo/registry'
const MANIFEST = `[package]
name = "echo"
version = "0.0.0"
edition = "2021"

[dependencies]
bytes = "1"
tokio-util = { version = "0.7", features = ["codec"] }

[profile.dev]
debug = false
`
const DEBIAN_ONLY = `[source.crates-io]
replace-with = "debian"

[source.debian]
directory = "${REGISTRY}"
`

const cargo = findProgram('cargo')
const source = fileURLToPath(new URL('peers/echo.rs', import.meta.url))
const [crate] = subfolders(REGISTRY).filter((folder) => folder.includes('/tokio-util-'))

if (cargo === undefined) test.skip('frames of tokio-util: not run, cargo is not installed', () => {})
else if (crate === undefined) {
  test.skip('frames of tokio-util: not run, librust-tokio-util-dev is not installed', () => {})
} else
  describe(`${crate.slice(REGISTRY.length + 1)} (seed ${SEED})`, () => {
    let folder: TemporaryFolder
    let server: ServerProcess
    beforeAll(async () => {
      folder = new TemporaryFolder()
      for (const name of ['src', '.cargo']) mkdirSync(join(folder.path, name))
      writeFileSync(join(folder.path, 'Cargo.toml'), MANIFEST)
      writeFileSync(join(folder.path, '.cargo/config.toml'), DEBIAN_ONLY)
      copyFileSync(source, join(folder.path, 'src/main.rs'))
      await run(cargo, ['build', '--offline', '--quiet'], { cwd: folder.path })
      server = await ServerProcess.start(join(folder.path, 'target/debug/echo'), (port) => [`${port}`])
    }, 300_000)
    afterAll(async () => {
      await server?.stop()
      folder?.remove()
    })

    test.each(CASES)('$order offset $offset length $length adjustment $adjustment skip $skip', async (each) => {
      const { order, offset, length, adjustment, skip, headerLength } = each
      const options: LengthFieldOptions = {
        byteOrder: order,
        lengthFieldOffset: offset,
        lengthFieldLength: length,
        lengthCounts: skip + adjustment - offset - length,
        stripHeader: skip,
      }
      const sends = lengthField(headerLength === undefined ? options : { ...options, headerLength })
      const receives = lengthField({ byteOrder: order, lengthFieldLength: length })
      const wires = payloads(sends, length === 1 ? 255 : 60_000).map((payload) => encode(sends, payload))
      const config = [order, offset, length, adjustment, skip].join(' ')
      const received = await exchange({ port: server.port, config, wires, receives })
      expect(received).toEqual(reversed(decodeAll(sends, wires)))
    })
  })
