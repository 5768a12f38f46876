// What docs/transport.md promises is shown by a test that is there, and docs/errors.md says of every code whether the same
// action may succeed later.

import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { TransportError, type TransportErrorCode } from '../src/transport-error.ts'
import { guide } from './guides.ts'

const GUIDE = guide('docs/transport.md')
const DOCS = new URL('../../../docs/', import.meta.url)

test('every promise names a test, and that test is there', () => {
  const [, table = ''] = /^## What holds\n([\s\S]*?)^Not promised/m.exec(GUIDE) ?? []
  const promises = table.split('\n').filter((line) => /^\| (?!promise|---)/.test(line))
  expect(promises.length).toBeGreaterThan(10)
  for (const promise of promises) {
    const [, file, title] = /\| \[[\w -]+\]\(\.\.\/(.*?\.test\.ts)\): "(.*)" \|$/.exec(promise) ?? []
    expect(title, promise).toBeDefined()
    expect(guide(String(file)), promise).toContain(`test('${title}'`)
  }
})

test('every link leads to a file', () => {
  const targets = [...GUIDE.matchAll(/\]\(([^)#:]+)[^)]*\)/g)].map((match) => match[1] as string)
  expect(targets.length).toBeGreaterThan(10)
  for (const target of targets) expect(existsSync(fileURLToPath(new URL(target, DOCS))), target).toBe(true)
})

test('every code of TransportError is explained: what happened, what to try, and whether to try again', () => {
  const [, section = ''] = /^## TransportError\n([\s\S]*?)^## /m.exec(guide('docs/errors.md')) ?? []
  const codes = section.split(/^### /m).slice(1)
  expect(codes.length).toBeGreaterThan(10)
  for (const text of codes) {
    const [, code = '', body = ''] = /^`(\w+)`\n+([\s\S]*)$/.exec(text) ?? []
    const { retryable } = new TransportError(code as TransportErrorCode, '')
    const words = body.trim().replace(/\s+/g, ' ')
    expect(words.endsWith(retryable ? '. Retryable.' : '. Not retryable.'), code).toBe(true)
    expect(words.match(/\. /g)?.length, code).toBeGreaterThanOrEqual(2)
  }
})
