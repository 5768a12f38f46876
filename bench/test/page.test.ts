// The page in a real browser: it draws in light and dark, needs nothing from elsewhere, and its words can be read. Skipped
// where there is no chromium (Debian: apt-get install chromium) or no playwright-core (npm run bench:setup).
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Cell, ECHO_SERVERS, type Growth, resultsOf } from '../src/cell.ts'
import { chartsOf, standalone } from '../src/charts.ts'
import { BASELINE, OURS, STREAM_BASELINE } from '../src/contender.ts'
import { pageOf } from '../src/page.ts'
import type { RunRecord } from '../src/run-record.ts'

const latency = { count: 1_000, p50: 0.05, p90: 0.1, p99: 0.4, p999: 2, max: 3 }
const cost = { clientCpuMicros: 2, serverCpuMicros: 1, clientPeakMemory: 80e6, serverPeakMemory: 60e6 }

function echoCell(inFlight: number, payloadBytes: number, title: string): Cell {
  const samples = [BASELINE, OURS, 'ws', 'grpc-js'].map((contender, index) => {
    return { contender, rounds: [1e6, 1.1e6, 1.2e6].map((rate) => (rate * inFlight) / 128 / 4 ** index) }
  })
  const results = resultsOf(
    [...samples, { contender: '<img src=x>', rounds: [], notRun: 'it is <b>not</b> here' }],
    BASELINE,
  )
  const full = results.map((result) => (result.value ? { ...result, cost, latency } : result))
  return { suite: 'rpc', title, unit: 'calls/s', baseline: BASELINE, payloadBytes, inFlight, results: full }
}

function streamCell(): Cell {
  const samples = [STREAM_BASELINE, OURS].map((contender) => ({ contender, rounds: [1e6, 1.1e6, 1.2e6] }))
  const results = resultsOf(samples, STREAM_BASELINE)
  return { suite: 'streams', title: '1 KiB', unit: 'messages/s', baseline: STREAM_BASELINE, results }
}

function scaleCell(growth: Growth | undefined, title: string): Cell {
  const echo = echoCell(1, growth?.of === 'payload' ? growth.value : 32, title)
  const memory = { client: 6_000, server: 7_000 }
  const results = echo.results.map((result) => ({ ...result, idleConnection: memory, usedConnection: memory }))
  return { ...echo, suite: 'scale', results, ...(growth && { growth }) }
}

const cells: Cell[] = [
  echoCell(128, 32, '32 B @128'),
  echoCell(1, 32, '32 B @1'),
  echoCell(128, 1024, '1 KiB @128'),
  { ...echoCell(128, 32, '32 B, 5,000 calls/s'), suite: 'latency', unit: 'ms p99' },
  streamCell(),
  ...[1, 100, 10_000].map((value) => scaleCell({ of: 'connections', value }, `${value} connections`)),
  ...[16, 65_536, 2 ** 26].map((value) => scaleCell({ of: 'payload', value }, `payload ${value}`)),
  scaleCell({ of: ECHO_SERVERS, value: 2 }, `2 ${ECHO_SERVERS}`),
  scaleCell(undefined, '32 B @1 by runtime'),
]
const record: RunRecord = {
  startedAt: '2026-01-02T03:04:05.000Z',
  seconds: 60,
  machine: { cpu: 'a <cpu>', cores: 2, node: 'v20', platform: 'linux x64', commit: 'abc', pinned: true, loadBefore: 0 },
  args: ['--only', 'rpc'],
  isInterrupted: false,
  cells,
}

test('draws throughput, growth, latency, memory and streams', () => {
  const kinds = new Set(chartsOf(cells).map(({ name }) => name.split('-').slice(0, 2).join('-')))
  expect([...kinds].toSorted()).toEqual([
    'cost-by',
    'latency-latency',
    'memory-by',
    'memory-rpc',
    'rate-by',
    'rate-rpc',
    'rate-scale',
    'rate-streams',
  ])
})

test('a contender that did not run is in no picture, and its reason is on the page', () => {
  for (const { svg } of chartsOf(cells)) expect(svg).not.toContain('img')
  expect(pageOf(record)).toContain('it is &#60;b&#62;not&#60;/b&#62; here')
})

test('an interrupted run says so on the page', () => {
  expect(pageOf(record)).not.toContain('interrupted')
  expect(pageOf({ ...record, isInterrupted: true })).toContain('This run was interrupted')
})

test('a run without any cell still makes a page', () => {
  expect(pageOf({ ...record, cells: [] })).toContain('</html>')
})

interface Page {
  on(event: string, listener: (value: { url(): string; message?: string }) => void): void
  goto(url: string): Promise<unknown>
  emulateMedia(options: { colorScheme: 'light' | 'dark' }): Promise<void>
  // biome-ignore lint/suspicious/noExplicitAny: what a page returns has any type
  evaluate(code: string): Promise<any>
}
interface Browser {
  newPage(options: object): Promise<Page>
  close(): Promise<void>
}
interface Playwright {
  chromium: { launch(options: object): Promise<Browser> }
}

const executablePath = (process.env.PATH ?? '')
  .split(delimiter)
  .flatMap((folder) => ['chromium', 'chromium-browser', 'google-chrome'].map((name) => join(folder, name)))
  .find((file) => existsSync(file))
const require = createRequire(new URL('../peers/package.json', import.meta.url))

function playwright(): Playwright | undefined {
  try {
    return require('playwright-core') as Playwright
  } catch {
    return undefined
  }
}

const installed = playwright()
const missing =
  executablePath === undefined
    ? 'no chromium: apt-get install chromium'
    : installed === undefined
      ? 'no playwright-core: npm run bench:setup'
      : undefined

describe.skipIf(missing !== undefined)(`in chromium${missing === undefined ? '' : ` (not run: ${missing})`}`, () => {
  let folder = ''
  let browser: Browser | undefined
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'framewire-page-'))
    browser = await installed?.chromium.launch({ executablePath, args: ['--no-sandbox', '--disable-gpu'] })
  })
  afterAll(async () => {
    await browser?.close()
    rmSync(folder, { recursive: true, force: true })
  })

  async function open(name: string, text: string): Promise<{ page: Page; troubles: string[] }> {
    const file = join(folder, name)
    writeFileSync(file, text)
    const page = await (browser as Browser).newPage({ viewport: { width: 1000, height: 800 } })
    const troubles: string[] = []
    const url = pathToFileURL(file).href
    page.on('request', (request) => request.url() !== url && troubles.push(`asked for ${request.url()}`))
    page.on('pageerror', (error) => troubles.push(error.message ?? 'an error'))
    await page.goto(url)
    return { page, troubles }
  }

  test('it draws every picture, readable in light and dark, and asks for nothing', async () => {
    const { page, troubles } = await open('report.html', pageOf(record))
    const pictures = `[...document.querySelectorAll('figure svg')].map((svg) => {
      const { width, height } = svg.getBoundingClientRect()
      return { width, height, shapes: svg.querySelectorAll('rect, circle, path').length }
    })`
    const seen = (await page.evaluate(pictures)) as { width: number; height: number; shapes: number }[]
    expect(seen).toHaveLength(chartsOf(cells).length)
    for (const { width, height, shapes } of seen) {
      expect(Math.min(width, height)).toBeGreaterThan(50)
      expect(shapes).toBeGreaterThan(1)
    }
    const colours = `(({ color, backgroundColor }) => [color, backgroundColor])(getComputedStyle(document.body))`
    const bar = `getComputedStyle(document.querySelector('figure svg rect')).fill`
    await page.emulateMedia({ colorScheme: 'light' })
    const light = [await page.evaluate(colours), await page.evaluate(bar)]
    await page.emulateMedia({ colorScheme: 'dark' })
    const dark = [await page.evaluate(colours), await page.evaluate(bar)]
    expect(light[0]).toEqual(['rgb(28, 36, 48)', 'rgb(255, 255, 255)'])
    expect(dark[0]).toEqual(['rgb(230, 234, 240)', 'rgb(18, 22, 28)'])
    expect(dark[1]).not.toBe(light[1])
    expect(troubles).toEqual([])
  })

  test('no text of a picture is cut off at its border', async () => {
    const { page } = await open('cut.html', pageOf(record))
    const outside = `[...document.querySelectorAll('figure svg')].flatMap((svg) => {
      const box = svg.getBoundingClientRect()
      return [...svg.querySelectorAll('text')].filter((text) => {
        const own = text.getBoundingClientRect()
        return own.width > 0 && (own.left < box.left - 1 || own.right > box.right + 1 || own.bottom > box.bottom + 1)
      }).map((text) => text.textContent)
    })`
    expect(await page.evaluate(outside)).toEqual([])
  })

  test('each picture is a file that stands alone', async () => {
    for (const chart of chartsOf(cells)) {
      const { page, troubles } = await open(`${chart.name}.svg`, standalone(chart))
      expect(await page.evaluate('document.documentElement.tagName')).toBe('svg')
      expect(await page.evaluate('document.querySelectorAll("text").length')).toBeGreaterThan(2)
      expect(troubles).toEqual([])
    }
    expect(readFileSync(join(folder, 'rate-rpc-32-b-128.svg'), 'utf8')).toContain('prefers-color-scheme: dark')
  })
})
