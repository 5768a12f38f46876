import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { type ConnectionState, TRANSITIONS } from './connection-state.ts'

test('the diagram in ARCHITECTURE.md is the table of transitions', () => {
  const text = readFileSync(new URL('../../../ARCHITECTURE.md', import.meta.url), 'utf8')
  const [, block = ''] = /States of a connection.*?```\n(.*?)```/s.exec(text) ?? []
  const rows = block
    .trim()
    .split('\n')
    .map((line) => line.split(/ *-> */))
  const drawn = Object.fromEntries(rows.map(([from, to = '']) => [from, to.split(', ').filter(Boolean)]))
  expect(drawn).toEqual(TRANSITIONS)
})

test('nothing follows closed, and everything can come to it', () => {
  expect(TRANSITIONS.closed).toEqual([])
  for (const state of Object.keys(TRANSITIONS) as ConnectionState[]) {
    if (state !== 'closed') expect(TRANSITIONS[state]).toContain('closed')
  }
})
