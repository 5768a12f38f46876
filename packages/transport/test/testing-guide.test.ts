// The examples of docs/testing.md, as they stand there.

import { expect, test } from 'vitest'
import { blocks, guide, outputOf } from './guides.ts'

const EXAMPLES = blocks(guide('docs/testing.md'), 'js')

test.each([
  ['pair', ['hello']],
  ['simulate', []],
  ['chaosProxy', ['still there?', 'CONNECTION_RESET']],
])('the example of %s runs, prints what the guide says, and leaves nothing behind', async (name, printed) => {
  const code = EXAMPLES.filter((example) => example.includes(` ${name}(`))
  expect(code).toHaveLength(1)
  expect(await outputOf(code[0] as string)).toEqual(printed)
})
