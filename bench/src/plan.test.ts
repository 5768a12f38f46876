import { expect, test } from 'vitest'
import { SUITES } from './cell.ts'
import { BASELINE, OURS } from './contender.ts'
import { parseOptions } from './options.ts'
import { planOf, titleOf } from './plan.ts'
import { PEER_NAMES } from './roster.ts'

const plan = (...args: string[]) => planOf(parseOptions(args))

test('the quick tour and the full one touch every suite, scale only the full one', () => {
  expect([...new Set(plan().map(({ suite }) => suite)), 'scale']).toEqual(SUITES)
  expect([...new Set(plan('--full').map(({ suite }) => suite))]).toEqual(SUITES)
})

test('the quick tour has peers where most is told by them, and only ours and the floor elsewhere', () => {
  const cells = plan().flatMap((step) => (step.suite === 'rpc' ? [step] : []))
  const hasPeers = ({ contenders }: { contenders: readonly string[] }) =>
    PEER_NAMES.some((name) => contenders.includes(name))
  expect(cells.filter(hasPeers)).toHaveLength(2)
  expect(cells.filter(({ contenders }) => contenders.length === 2 + PEER_NAMES.length)).toHaveLength(1)
  expect(cells.every(({ contenders }) => contenders[0] === BASELINE && contenders[1] === OURS)).toBe(true)
})

test('the full run has every depth of every size with every peer', () => {
  const cells = plan('--full').flatMap((step) => (step.suite === 'rpc' ? [step] : []))
  const small = cells.filter(({ work, payloadBytes }) => work === 'bytes' && payloadBytes === 32)
  expect(small.map(({ inFlight }) => inFlight)).toEqual([1, 16, 128, 1024])
  expect(cells.every(({ contenders }) => PEER_NAMES.every((name) => contenders.includes(name)))).toBe(true)
})

test('scale goes to 1,000 connections and 16 MiB in a minute, and to 10,000 and 64 MiB in the full run', () => {
  const most = (of: string, ...args: string[]) => {
    const grown = plan('--only', 'scale', ...args).flatMap((step) => ('growth' in step ? [step.growth] : []))
    return Math.max(...grown.filter((growth) => growth.of === of).map(({ value }) => value))
  }
  expect([most('connections'), most('payload')]).toEqual([1_000, 2 ** 24])
  expect([most('connections', '--full'), most('payload', '--full')]).toEqual([10_000, 2 ** 26])
})

test('no title stands twice in a suite', () => {
  for (const args of [['--full'], [], ['--only', 'scale']]) {
    const titles = plan(...args).map((step) => `${step.suite} ${titleOf(step)}`)
    expect(titles).toEqual([...new Set(titles)])
  }
})

test('one cell can be asked for, with its rounds', () => {
  const steps = plan('--only', 'rpc', '--size', '32', '--inflight', '128', '--rounds', '9', '--seconds', '2')
  expect(steps).toHaveLength(1)
  expect(steps[0]).toMatchObject({ suite: 'rpc', payloadBytes: 32, inFlight: 128, rounds: 9, seconds: 2 })
})

test('sizes and depths make a cell each', () => {
  const steps = plan('--only', 'rpc', '--size', '32,json', '--inflight', '1,16', '--contender', OURS)
  const cells = steps.flatMap((step) => (step.suite === 'rpc' ? [step] : []))
  expect(cells.map(({ work, inFlight }) => `${work} ${inFlight}`)).toEqual(['bytes 1', 'bytes 16', 'json 1', 'json 16'])
  expect(cells.every(({ contenders }) => contenders.join() === OURS)).toBe(true)
})
