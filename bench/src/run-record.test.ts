import { expect, test } from 'vitest'
import { argsWithoutFiles, type RunRecord, savedPath } from './run-record.ts'

test('a record says what was measured, not where it was kept', () => {
  const args = '--only rpc --json /somewhere/x.json --rounds 3 --report=/somewhere/y.html --save --pictures /p'.split(
    ' ',
  )
  expect(argsWithoutFiles(args)).toEqual(['--only', 'rpc', '--rounds', '3'])
})

test('a run is kept under its date, kind and commit', () => {
  const record = { startedAt: '2026-01-02T03:04:05.000Z', machine: { commit: 'abc' } } as RunRecord
  expect(savedPath(record, 'check')).toMatch(/bench.results.2026-01-02-check-abc\.json$/)
  expect(savedPath({ ...record, machine: { ...record.machine, commit: undefined } }, 'bench')).toContain('no-commit')
})
