// The examples of docs/testing.md, as they stand there, on the sources.

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { expect, onTestFinished, test, vi } from 'vitest'
import { within } from './deadline.ts'

const GUIDE = readFileSync(fileURLToPath(new URL('../../../docs/testing.md', import.meta.url)), 'utf8')
const EXAMPLES = [...GUIDE.matchAll(/^```js\n([\s\S]*?)^```$/gm)].map(([, code]) => code as string)

test.each([
  ['pair', ['hello']],
  ['simulate', []],
  ['chaosProxy', ['still there?', 'CONNECTION_RESET']],
])('the example of %s runs and prints what the guide says', async (name, printed) => {
  const code = EXAMPLES.filter((example) => example.includes(` ${name}(`))
  expect(code).toHaveLength(1)
  const folder = mkdtempSync(join(tmpdir(), 'framewire-testing-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  const file = join(folder, `${name}.js`)
  writeFileSync(file, code[0] as string)
  const log = vi.spyOn(console, 'log').mockImplementation(() => {})
  onTestFinished(() => log.mockRestore())
  await within('the end of the example', import(pathToFileURL(file).href), 25_000)
  expect(log.mock.calls.flat()).toEqual(printed)
})
