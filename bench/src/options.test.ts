import { expect, test } from 'vitest'
import { BASELINE, OURS } from './contender.ts'
import { parseOptions } from './options.ts'

test('without arguments the default contenders run at four depths', () => {
  const options = parseOptions([])
  expect(options.inFlight).toEqual([1, 16, 128, 1024])
  expect(options.contenders).toEqual([BASELINE, OURS])
  expect(options.rounds).toBeGreaterThanOrEqual(3)
})

test('reads every option, and keeps the baseline first', () => {
  const args = '--rounds 3 --seconds 0.05 --inflight 2,64 --only wrong-echo --only floor-promise --json x.json --no-pin'
  expect(parseOptions(args.split(' '))).toEqual({
    rounds: 3,
    seconds: 0.05,
    inFlight: [2, 64],
    contenders: [BASELINE, 'wrong-echo'],
    json: 'x.json',
    pin: false,
  })
})

test.each([
  ['--rounds', '0'],
  ['--rounds', '3x'],
  ['--inflight', '1,,2'],
  ['--inflight', '1e3'],
  ['--seconds', 'NaN'],
  ['--seconds', '0'],
  ['--only', 'nobody'],
])('refuses %s %s', (option, value) => {
  expect(() => parseOptions([option, value])).toThrow(`${option} takes`)
})
