// The built demo as its user runs it, without a terminal: what it says must add up, and nothing may stay behind.
import { createHash, randomBytes } from 'node:crypto'
import { existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { DemoRun, demo, figures, main, type Outcome, secondProcess } from './demo-run.ts'

const MiB = 1024 * 1024

const folder = mkdtempSync(join(tmpdir(), 'framewire-demo-test-'))
afterAll(() => rmSync(folder, { recursive: true }))

function expectBordersToAddUp(stdout: string): void {
  const [sent, events, whole] = figures(stdout, 'bare node:net # sent, # data event(s), only # of them hold(s)')
  const [others, messages] = figures(stdout, 'the # other event(s): # message(s)') as [number, number]
  expect([sent, events, whole]).toEqual([2_000, others + Number(whole), 2_000 - messages])
  for (const kind of ['TCP', 'unix']) {
    const claim = `framewire, ${kind} # sent, # chunk(s), # messages, in order, byte for byte equal`
    expect(figures(stdout, claim)).toEqual([2_000, expect.any(Number), 2_000])
  }
}

/** On a very busy machine the demo keeps to its 4 s and says what it left out: then less went through. */
function isCutOff(stdout: string): boolean {
  return /the rest, after all went through \d+ of [\d,]+ times: the demo stops at 4 s/.test(stdout)
}

/** `contents` = of the files, in the order in which they are sent. */
function expectFilesToAddUp(stdout: string, contents: readonly Uint8Array[]): void {
  const bytes = contents.reduce((sum, { length }) => sum + length, 0)
  const rounds = Math.ceil((64 * MiB) / bytes)
  const [files, times] = figures(stdout, '2. Backpressure: # file(s), # MiB, # times over').filter((_, at) => at !== 1)
  expect([files, times]).toEqual([contents.length, rounds])
  if (isCutOff(stdout)) return expect(stdout).toContain('computed on both sides: equal')
  expect(figures(stdout, 'sent # files, # bytes in').slice(0, 2)).toEqual([contents.length * rounds, bytes * rounds])
  const hash = createHash('sha256')
  for (let round = 0; round < rounds; round++) for (const content of contents) hash.update(content)
  expect(stdout).toContain(`${hash.digest('hex').slice(0, 16)}..., computed on both sides: equal`)
}

function expectBackpressure(stdout: string): void {
  const [refusals, drains, kibibytes] = figures(stdout, 'send() said false # times, drain came # times, at most # KiB')
  expect(refusals).toBeGreaterThan(0)
  expect(drains).toBe(refusals)
  expect(kibibytes).toBeGreaterThanOrEqual(64)
  expect(kibibytes).toBeLessThan(2 * 64 + 1)
  for (const peak of figures(stdout, 'peak memory # MiB here, # MiB in the second')) expect(peak).toBeGreaterThan(20)
}

function expectCallsToAddUp(stdout: string): void {
  const [total] = figures(stdout, '3. Calls: # typed calls')
  let calls = 0
  for (const inFlight of [1, 64]) {
    const pattern = `${inFlight} in flight # calls: p50 # \u00b5s, p99 # \u00b5s, # calls/s`
    const [made, p50, p99, speed] = figures(stdout, pattern) as [number, number, number, number]
    calls += made
    expect(p50).toBeGreaterThan(0)
    expect(p99).toBeGreaterThanOrEqual(p50)
    // Half of the calls took p50 or longer, `inFlight` of them at a time; the printed p50 is rounded.
    expect(speed).toBeLessThanOrEqual((2e6 * inFlight) / (p50 - 1))
  }
  expect(calls).toBe(total)
  expect(figures(stdout, 'divide 7 by 0: DivisionByZero (INVALID_ARGUMENT), details { dividend: # }')).toEqual([7])
  expect(figures(stdout, '"DEADLINE_EXCEEDED after # ms"')[0]).toBeGreaterThanOrEqual(0)
}

function expectCleanEnd({ code, stdout, stderr }: Outcome): void {
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  expect(stdout).toContain('told to close, ended by itself with code 0')
  expect(secondProcess(stdout).pid).toBeGreaterThan(0)
  expectNothingBehind(stdout)
}

function expectNothingBehind(stdout: string): void {
  const { pid, folder } = secondProcess(stdout)
  expect(folder).toContain('framewire-demo-')
  expect(existsSync(folder)).toBe(false)
  expect(() => process.kill(pid, 0)).toThrow('ESRCH')
}

describe('the three parts', () => {
  test('add up for the sources of this repository, in plain text', async () => {
    const outcome = await demo()
    const { stdout } = outcome
    expectCleanEnd(outcome)
    expectBordersToAddUp(stdout)
    expectBackpressure(stdout)
    expectCallsToAddUp(stdout)
    const [files, , times] = figures(stdout, '2. Backpressure: # files, # MiB, # times over') as [
      number,
      number,
      number,
    ]
    const [sentFiles, sentBytes] = figures(stdout, 'sent # files, # bytes in')
    expect(files).toBeGreaterThan(50)
    if (isCutOff(stdout)) expect(sentFiles).toBeLessThan(files * times)
    else expect([sentFiles, Number(sentBytes) >= 64 * MiB]).toEqual([files * times, true])
    expect(stdout).not.toMatch(/[^\P{Cc}\n]/u)
  })

  test('add up for a single file', async () => {
    const path = join(folder, 'numbers.txt')
    const content = Buffer.from(Array.from({ length: 60_000 }, (_, number) => number).join('\n'))
    writeFileSync(path, content)
    const outcome = await demo(path)
    expectCleanEnd(outcome)
    expect(outcome.stdout).toContain(`sends ${path}\n`)
    expectBordersToAddUp(outcome.stdout)
    expectFilesToAddUp(outcome.stdout, [content])
    expectBackpressure(outcome.stdout)
    expectCallsToAddUp(outcome.stdout)
  })

  test('add up for a folder with an empty file and a large one', async () => {
    const path = join(folder, 'mixed')
    const content = randomBytes(5 * MiB + 1)
    mkdirSync(join(path, 'inner'), { recursive: true })
    writeFileSync(join(path, 'inner', 'random.bin'), content)
    writeFileSync(join(path, 'empty'), '')
    const outcome = await demo(path)
    expectCleanEnd(outcome)
    expectBordersToAddUp(outcome.stdout)
    expectFilesToAddUp(outcome.stdout, [Buffer.alloc(0), content])
    expectBackpressure(outcome.stdout)
    expectCallsToAddUp(outcome.stdout)
  })

  test('work where there is nothing to hold back', async () => {
    const path = join(folder, 'nothing')
    writeFileSync(path, '')
    const outcome = await demo(path)
    expectCleanEnd(outcome)
    expect(figures(outcome.stdout, '2. Backpressure: # file, # bytes\n')).toEqual([1, 0])
    expect(figures(outcome.stdout, 'send() said false # times, drain came # times')).toEqual([0, 0])
  })
})

test('what is left out is said', async () => {
  const path = join(folder, 'huge')
  mkdirSync(path)
  symlinkSync('nowhere', join(path, 'link'))
  writeFileSync(join(path, 'a'), '')
  truncateSync(join(path, 'a'), 600 * MiB)
  writeFileSync(join(path, 'b'), 'never sent')
  const outcome = await demo(path)
  expectCleanEnd(outcome)
  const [bytes] = figures(outcome.stdout, 'sent 1 file, # bytes in') as [number]
  expect(bytes).toBeLessThanOrEqual(512 * MiB)
  const [rest, files] = figures(outcome.stdout, 'left out # MiB and # whole file: the demo stops at')
  expect([rest, files]).toEqual([Number(((600 * MiB + 10 - bytes) / MiB).toFixed(1)), 1])
  expect(outcome.stdout).toMatch(/left out +1 symbolic link or special file\n/)
})

describe.concurrent('a PATH that cannot be sent', () => {
  mkdirSync(join(folder, 'hollow', 'inner'), { recursive: true })

  test.each([
    ['does not exist', join(folder, 'no such file'), /no such file does not exist/],
    ['lies below a file', join(main, 'inner'), /main\.js\/inner cannot be read/],
    ['holds no file', join(folder, 'hollow'), /hollow holds no file to send/],
    ['is a device', '/dev/null', /\/dev\/null is neither a file nor a folder/],
    ['looks like an option', '--fast', /^demo: "--fast" is no PATH\n\nusage: npm start/],
  ])('is refused when it %s', async (_, path, message) => {
    const { code, stdout, stderr } = await demo(path)
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
    expect(stderr).toMatch(message)
    expect(stderr).not.toMatch(/^ +at /m)
  })
})

describe.concurrent('stopped in the middle', () => {
  async function stopWith(signal: NodeJS.Signals): Promise<Outcome> {
    const run = new DemoRun([])
    await run.says('2. Backpressure')
    run.process.kill(signal)
    return run.outcome
  }

  test.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const)('by %s it says so and leaves nothing behind', async (signal, exitCode) => {
    const { code, stdout, stderr } = await stopWith(signal)
    expect({ code, stderr }).toEqual({ code: exitCode, stderr: `demo: stopped by ${signal}\n` })
    expect(stdout).not.toContain('3. Calls')
    expectNothingBehind(stdout)
  })

  test('by SIGKILL the second process ends and clears up by itself', async () => {
    const { code, stdout } = await stopWith('SIGKILL')
    expect(code).toBe(null)
    // That its output is closed says that it has ended; its id may stay with a parent that does not ask for it.
    expect(existsSync(secondProcess(stdout).folder)).toBe(false)
  })

  test('by a reader that goes away it leaves nothing behind', async () => {
    const run = new DemoRun([])
    await run.says('1. Borders')
    run.process.stdout.destroy()
    const { code, stdout } = await run.outcome
    expect(code).toBe(141)
    expectNothingBehind(stdout)
  })
})

describe.concurrent('a second process that lies', () => {
  test.each([
    ['borders', /^demo: framewire, TCP: of 2000 messages received 2000 are whole and 1999 in order\n$/],
    ['hash', /^demo: sent .+ SHA-256 \w+, but the second process received .+ SHA-256 \w+\n$/],
    ['answer', /^demo: the second process says that 0 \+ 1 = 2\n$/],
  ])('is found out: %s', async (fault, message) => {
    const { code, stdout, stderr } = await new DemoRun([main], { FRAMEWIRE_DEMO_FAULT: fault }).outcome
    expect(code).toBe(1)
    expect(stderr).toMatch(message)
    expectNothingBehind(stdout)
  })
})
