import { expect, test } from 'vitest'
import { parseOptions } from '../src/options.ts'
import { Trial } from '../src/trial.ts'

const IDS = ['F01', 'F39']

test('a run is by day, over all rows and written down, unless it is told otherwise', () => {
  expect(parseOptions(['--seed', '7'], IDS)).toEqual({
    only: [],
    seed: 7,
    isNightly: false,
    minutes: Number.POSITIVE_INFINITY,
    report: 'RELIABILITY.md',
  })
  expect(parseOptions(['--only', 'F39', '--nightly', '--minutes', '1.5'], IDS)).toMatchObject({
    only: ['F39'],
    isNightly: true,
    minutes: 1.5,
    report: undefined,
  })
})

test.each([
  [['--only', 'F99'], '--only takes F01, F39, not "F99"'],
  [['--seed', '-1'], 'seed'],
  [['--nightly', '--minutes', '0'], '--minutes takes a number above 0, not "0"'],
  [['--nightly', '--minutes', 'two'], '--minutes takes a number above 0, not "two"'],
  [['--minutes', '2'], '--minutes goes with --nightly'],
])('%j is refused', (args, text) => {
  expect(() => parseOptions(args, IDS)).toThrow(text)
})

test('minutes shorten a night and no day', () => {
  const [day, night, short] = [
    new Trial(1),
    new Trial(1, { isNightly: true }),
    new Trial(1, { isNightly: true, minutes: 2 }),
  ]
  expect([day, night, short].map((trial) => trial.seconds(7_200, 60))).toEqual([60, 7_200, 120])
  expect([day, night, short].map((trial) => trial.count(1_000, 10, 100))).toEqual([10, 1_000, 200])
})
