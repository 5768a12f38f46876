// Python: lengths by struct, and the frames of multiprocessing.connection.

import { fileURLToPath } from 'node:url'
import { type LengthFieldOptions, lengthField } from '@framewire/codec'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { SEED } from '../protocols/random-source.ts'
import { findProgram, run, ServerProcess } from '../protocols/server-process.ts'
import { roundTrip } from './exchange.ts'

const python = findProgram('python3')
const script = fileURLToPath(new URL('peers/echo.py', import.meta.url))

const LAYOUTS: [layout: string, counts: 'payload' | 'frame', options: LengthFieldOptions][] = [
  ['>B', 'payload', { lengthFieldLength: 1 }],
  ['>H', 'payload', { lengthFieldLength: 2 }],
  ['<H', 'frame', { lengthFieldLength: 2, byteOrder: 'little', lengthCounts: 'frame' }],
  ['>I', 'payload', {}],
  ['!i', 'frame', { lengthCounts: 'frame' }],
  ['<L', 'payload', { byteOrder: 'little' }],
  ['>Q', 'payload', { lengthFieldLength: 8 }],
  ['<q', 'frame', { lengthFieldLength: 8, byteOrder: 'little', lengthCounts: 'frame' }],
]

if (python === undefined) test.skip('frames of Python: not run, python3 is not installed', () => {})
else
  describe(`${(await run(python, ['--version'])).trim()} (seed ${SEED})`, () => {
    let server: ServerProcess
    beforeAll(async () => {
      server = await ServerProcess.start(python, (port) => [script, `${port}`])
    }, 60_000)
    afterAll(() => server?.stop())

    test.each(LAYOUTS)('struct %s counting the %s', async (layout, counts, options) => {
      const [received, expected] = await roundTrip(server.port, `struct ${layout} ${counts}`, lengthField(options))
      expect(received).toEqual(expected)
    })

    test('multiprocessing.connection', async () => {
      const [received, expected] = await roundTrip(server.port, 'connection', lengthField())
      expect(received).toEqual(expected)
    })
  })
