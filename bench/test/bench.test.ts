// The built bench as a user runs it: tables with ratios, a liar left out, an interrupted run that keeps what it has, and
// nothing left behind.
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { RunRecord } from '../src/run-record.ts'

const main = fileURLToPath(new URL('../dist/main.js', import.meta.url))
const short = ['--rounds', '3', '--seconds', '0.05', '--no-report']
const duel = ['--contender', 'floor-promise', '--contender', 'framewire']

let folder = ''
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'framewire-bench-'))
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

function bench(...args: string[]): { status: number | null; stdout: string; stderr: string } {
  return spawnSync(process.execPath, [main, ...args], { encoding: 'utf8', timeout: 120_000 })
}

function recordIn(file: string): RunRecord {
  return JSON.parse(readFileSync(file, 'utf8')) as RunRecord
}

test('prints a ratio for each cell and keeps every round', () => {
  const json = join(folder, 'run.json')
  const cells = ['--only', 'rpc', '--size', '32,json', '--inflight', '1,128']
  const { status, stdout, stderr } = bench(...short, ...duel, ...cells, '--json', json)
  expect(stderr).not.toMatch(/failed/)
  expect(status).toBe(0)
  const rows = stdout.split('\n').filter((line) => /\| +floor-promise \| +\d+(\.\d+)? \(/.test(line))
  expect(rows.map((row) => row.split('|')[0]?.trim())).toEqual([
    '32 B @1',
    '32 B @128',
    'small JSON @1',
    'small JSON @128',
  ])
  const record = recordIn(json)
  expect(record.machine.node).toBe(process.version)
  for (const { results } of record.cells) {
    for (const { rounds, cost, latency } of results) {
      expect(rounds).toHaveLength(3)
      expect(cost?.clientCpuMicros).toBeGreaterThan(0)
      expect(cost?.serverPeakMemory).toBeGreaterThan(1e6)
      expect(latency?.count).toBeGreaterThan(0)
    }
  }
}, 120_000)

test('the suites besides echoes have numbers too', () => {
  const json = join(folder, 'suites.json')
  const suites = ['codec', 'transport', 'latency', 'streams', 'fairness'].flatMap((suite) => ['--only', suite])
  const { status } = bench(...short, '--rounds', '1', ...duel, ...suites, '--json', json)
  expect(status).toBe(0)
  const { cells } = recordIn(json)
  expect([...new Set(cells.map(({ suite }) => suite))]).toHaveLength(5)
  for (const { results } of cells) for (const { value, notRun } of results) expect(value ?? notRun).toBeDefined()
}, 120_000)

test('reports a wrong echo, leaves that contender out and fails', () => {
  const cell = ['--only', 'rpc', '--inflight', '16', '--contender', 'floor-promise', '--contender', 'wrong-echo']
  const { status, stdout, stderr } = bench(...short, ...cell)
  expect(status).toBe(1)
  expect(stderr).toMatch(/^failed: wrong-echo: wrong echo after .*\(rpc 32 B @16\)$/m)
  expect(stdout).toMatch(/^floor-promise \| +[\d,]+$/m)
  expect(stdout).not.toContain('wrong-echo')
})

test('refuses an unknown option with the usage', () => {
  const { status, stderr } = bench('--fast')
  expect(status).toBe(2)
  expect(stderr).toContain('--inflight 1,128')
})

test.runIf(process.platform === 'linux')(
  'an interrupted run prints and writes what it has',
  async () => {
    const json = join(folder, 'interrupted.json')
    const cells = ['--only', 'rpc', '--inflight', '16,128', '--contender', 'floor-promise']
    // The first cell takes minutes: it is the one that is interrupted, however slow the machine.
    const args = [main, ...short, ...cells, '--rounds', '1000', '--seconds', '0.3', '--json', json]
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] })
    let stdout = ''
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      stdout += text
    })
    const pid = child.pid as number
    await expect.poll(() => childrenOf(pid).length, { timeout: 20_000 }).toBe(2)
    const children = childrenOf(pid)
    // The server is started first. Once the client has used more than start, warm-up and a round need, a round is over.
    const client = children[1] as number
    await expect.poll(() => processorTicks(client), { timeout: 150_000 }).toBeGreaterThan(200)
    child.kill('SIGINT')
    const [code] = await once(child, 'close')
    expect(code).toBe(130)
    expect(stdout).toMatch(/^floor-promise \| +[\d,]+$/m)
    expect(stdout).toContain('interrupted: only what was measured until then')
    const { isInterrupted, cells: kept } = recordIn(json)
    expect(isInterrupted).toBe(true)
    expect(kept).toHaveLength(1)
    expect(kept[0]?.results[0]?.rounds.length).toBeGreaterThan(0)
    await expect.poll(() => children.filter(isAlive), { timeout: 10_000 }).toEqual([])
  },
  180_000,
)

test.runIf(process.platform === 'linux')('leaves no process behind when it is killed', async () => {
  const args = [main, '--only', 'rpc', '--seconds', '30', '--contender', 'floor-promise', '--no-report']
  const parent = spawn(process.execPath, args, { stdio: 'ignore' })
  const pid = parent.pid as number
  await expect.poll(() => childrenOf(pid).length, { timeout: 20_000 }).toBe(2)
  const children = childrenOf(pid)
  parent.kill('SIGKILL')
  await expect.poll(() => children.filter(isAlive), { timeout: 20_000 }).toEqual([])
})

function childrenOf(pid: number): number[] {
  const text = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8')
  return text.split(' ').filter(Boolean).map(Number)
}

/** User and system time of a process, in hundredths of a second. */
function processorTicks(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? []
  return Number(fields[11]) + Number(fields[12])
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}
