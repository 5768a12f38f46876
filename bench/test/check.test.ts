// The built gate: passes, fails and says by how much.
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Gate } from '../src/gate.ts'
import type { RunRecord } from '../src/run-record.ts'

const program = fileURLToPath(new URL('../dist/check.js', import.meta.url))

let folder = ''
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'framewire-check-'))
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

function check(atLeast: number, cell = 'encode 64 B') {
  const [thresholds, json] = [join(folder, 'thresholds.json'), join(folder, 'run.json')]
  const threshold = {
    suite: 'codec' as const,
    cell,
    contender: 'framewire encodeAll',
    against: 'by hand',
    atLeast,
    by: 'rate' as const,
  }
  writeFileSync(thresholds, JSON.stringify({ quickShare: 0.5, thresholds: [threshold] } satisfies Gate))
  const args = [program, '--quick', '--thresholds', thresholds, '--json', json]
  const { status, stdout } = spawnSync(process.execPath, args, { encoding: 'utf8', timeout: 60_000 })
  return { status, stdout, record: JSON.parse(readFileSync(json, 'utf8')) as RunRecord }
}

test('a ratio above its threshold passes, and only its cell is measured', () => {
  const { status, stdout, record } = check(0.000_001)
  expect(status).toBe(0)
  expect(stdout).toMatch(/codec encode 64 B .* \| ok$/m)
  expect(record.cells.map(({ title }) => title)).toEqual(['encode 64 B'])
})

test('a ratio below fails after three attempts', () => {
  const { status, stdout, record } = check(1e9)
  expect(status).toBe(1)
  expect(stdout).toMatch(/codec encode 64 B .* \| BELOW$/m)
  expect(record.cells).toHaveLength(3)
})

test('a threshold about a cell that does not exist fails', () => {
  const { status, stdout } = check(0.1, 'encode 65 B')
  expect(status).toBe(1)
  expect(stdout).toContain('NOT MEASURED')
})
