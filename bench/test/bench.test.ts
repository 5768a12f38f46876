// The built bench as a user runs it: a table with ratios, a liar left out, and nothing left behind.
import { spawn, spawnSync } from 'node:child_process'
import { readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import type { Cell } from '../src/cell.ts'

const main = fileURLToPath(new URL('../dist/main.js', import.meta.url))
const short = ['--rounds', '3', '--seconds', '0.05']

function bench(...args: string[]): { status: number | null; stdout: string; stderr: string } {
  return spawnSync(process.execPath, [main, ...args], { encoding: 'utf8', timeout: 60_000 })
}

test('prints a row with a ratio for each depth', () => {
  const json = join(tmpdir(), `framewire-bench-${process.pid}.json`)
  const { status, stdout, stderr } = bench(...short, '--json', json)
  expect(stderr).toBe('')
  expect(status).toBe(0)
  const rows = stdout.split('\n').filter((line) => /^ *[\d,]+ \| +[\d,]+ \| +[\d,]+ \| +\d+\.\d\d \(/.test(line))
  expect(rows.map((row) => row.split('|')[0]?.trim())).toEqual(['1', '16', '128', '1,024'])
  const { cells } = JSON.parse(readFileSync(json, 'utf8')) as { cells: Cell[] }
  rmSync(json)
  for (const { results } of cells) for (const { rounds } of results) expect(rounds).toHaveLength(3)
}, 90_000)

test('reports a wrong echo, leaves that contender out and fails', () => {
  const { status, stdout, stderr } = bench(
    ...short,
    ...['--inflight', '16', '--only', 'floor-promise', '--only', 'wrong-echo'],
  )
  expect(status).toBe(1)
  expect(stderr).toMatch(/^failed: wrong-echo at 16 in flight: wrong echo after /)
  expect(stdout).toMatch(/^ +16 \| +[\d,]+ \| +failed \| +-$/m)
})

test('refuses an unknown option with the usage', () => {
  const { status, stderr } = bench('--fast')
  expect(status).toBe(2)
  expect(stderr).toContain('--inflight 1,16')
})

test.runIf(process.platform === 'linux')('leaves no process behind when it is killed', async () => {
  const parent = spawn(process.execPath, [main, '--seconds', '30', '--only', 'floor-promise'], { stdio: 'ignore' })
  const pid = parent.pid as number
  await expect.poll(() => childrenOf(pid).length, { timeout: 10_000 }).toBe(2)
  const children = childrenOf(pid)
  parent.kill('SIGKILL')
  await expect.poll(() => children.filter(isAlive), { timeout: 10_000 }).toEqual([])
})

function childrenOf(pid: number): number[] {
  const text = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8')
  return text.split(' ').filter(Boolean).map(Number)
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}
