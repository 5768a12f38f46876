import { expect, test } from 'vitest'
import { SUITES } from './cell.ts'
import { BASELINE } from './contender.ts'
import { parseOptions } from './options.ts'

test('without arguments all suites run but scale, on the page too', () => {
  const options = parseOptions([])
  expect([...options.suites, 'scale']).toEqual(SUITES)
  expect([options.contenders, options.sizes, options.inFlight, options.rounds]).toEqual(Array(4).fill(undefined))
  expect([options.isFull, options.pin, options.report]).toEqual([false, true, 'report.html'])
})

test('reads every option, and keeps the baseline first', () => {
  const args =
    '--full --only rpc --only codec --size 32,json --inflight 2,64 --rate 100,200 --rounds 3 --seconds 0.05 ' +
    '--contender wrong-echo --contender floor-promise --json x.json --save --no-report --pictures p --from y.json --no-pin'
  expect(parseOptions(args.split(' '))).toEqual({
    isFull: true,
    suites: ['codec', 'rpc'],
    contenders: [BASELINE, 'wrong-echo'],
    sizes: [32, 'json'],
    inFlight: [2, 64],
    callsPerSecond: [100, 200],
    rounds: 3,
    seconds: 0.05,
    json: 'x.json',
    isSaved: true,
    report: undefined,
    pictures: 'p',
    from: 'y.json',
    pin: false,
  })
})

test('scale runs when it is named, and when everything does', () => {
  expect(parseOptions(['--only', 'scale']).suites).toEqual(['scale'])
  expect(parseOptions(['--full']).suites).toEqual(SUITES)
})

test.each([
  ['--rounds', '0'],
  ['--rounds', '3x'],
  ['--inflight', '1,,2'],
  ['--inflight', '1e3'],
  ['--size', '3'],
  ['--size', '1KiB'],
  ['--rate', '0'],
  ['--seconds', 'NaN'],
  ['--seconds', '0'],
  ['--only', 'framewire'],
  ['--contender', 'nobody'],
])('refuses %s %s', (option, value) => {
  expect(() => parseOptions([option, value])).toThrow(`${option} takes`)
})
