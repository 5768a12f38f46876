import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { CallTable } from './call-table.ts'

interface Call {
  readonly id: number
}

type Step = { add: number } | { delete: number } | { get: number } | { takeAll: true }

/** Ids that share slots (their low bits) of a table of 32, of 64 and of 1024, and some that are just near each other. */
const someId = fc
  .tuple(fc.nat(5), fc.constantFrom(32, 64, 1024, 2 ** 20), fc.nat(6), fc.boolean())
  .map(([low, slots, turn, isEven]) => 2 * (low + slots * turn) + (isEven ? 2 : 1))

const someSteps = fc.array(
  fc.oneof(
    { weight: 6, arbitrary: someId.map((id): Step => ({ add: id })) },
    { weight: 4, arbitrary: someId.map((id): Step => ({ delete: id })) },
    { weight: 2, arbitrary: someId.map((id): Step => ({ get: id })) },
    { weight: 1, arbitrary: fc.constant<Step>({ takeAll: true }) },
  ),
  { maxLength: 200, size: 'max' },
)

function byId(calls: Iterable<Call>): Call[] {
  return [...calls].sort((left, right) => left.id - right.id)
}

/** Does the same to the table and to a Map, and compares what each step answers and what is left. */
function compare(steps: readonly Step[]): void {
  const table = new CallTable<Call>()
  const model = new Map<number, Call>()
  for (const step of steps) {
    if ('add' in step && !model.has(step.add)) {
      const call = { id: step.add }
      table.add(call)
      model.set(call.id, call)
    } else if ('delete' in step) {
      expect(table.delete(step.delete)).toBe(model.get(step.delete))
      model.delete(step.delete)
    } else if ('get' in step) expect(table.get(step.get)).toBe(model.get(step.get))
    else if ('takeAll' in step) {
      expect(byId(table.takeAll())).toEqual(byId(model.values()))
      model.clear()
    }
    expect(table.size).toBe(model.size)
    expect(byId(table.values())).toEqual(byId(model.values()))
  }
  for (const id of model.keys()) expect(table.get(id)).toBe(model.get(id))
}

test('answers as a Map does, whichever ids share a slot', () => {
  fc.assert(fc.property(someSteps, compare), { numRuns: 100 })
})

describe('calls that meet in one slot', () => {
  const first = { id: 1 }
  const second = { id: 1 + 2 * 32 }
  const third = { id: 1 + 4 * 32 }

  test('are all found, and each is taken out alone', () => {
    const table = new CallTable<Call>()
    for (const call of [first, second, third]) table.add(call)
    expect([first, second, third].map(({ id }) => table.get(id))).toEqual([first, second, third])
    expect(table.delete(second.id)).toBe(second)
    expect(table.delete(second.id)).toBeUndefined()
    expect(table.get(first.id)).toBe(first)
    expect(table.get(third.id)).toBe(third)
    expect(table.size).toBe(2)
  })

  test('a long one keeps its place while ids go round the table many times', () => {
    const table = new CallTable<Call>()
    table.add(first)
    for (let id = 3; id < 20_000; id += 2) {
      table.add({ id })
      expect(table.delete(id)?.id).toBe(id)
    }
    expect(table.get(first.id)).toBe(first)
    expect(table.size).toBe(1)
  })
})

test('grows as far as there are calls, and finds each of them', () => {
  const table = new CallTable<Call>()
  const calls = Array.from({ length: 10_000 }, (_, index) => ({ id: 2 * index + 2 }))
  for (const call of calls) table.add(call)
  expect(table.size).toBe(calls.length)
  expect(calls.every((call) => table.get(call.id) === call)).toBe(true)
  expect(table.get(1)).toBeUndefined()
  expect(table.get(0)).toBeUndefined()
})

test('is empty, and good for new calls, once all were taken', () => {
  const table = new CallTable<Call>()
  for (let id = 1; id < 400; id += 2) table.add({ id })
  expect(table.takeAll()).toHaveLength(200)
  expect(table.size).toBe(0)
  expect(table.values()).toEqual([])
  expect(table.get(1)).toBeUndefined()
  table.add({ id: 1 })
  expect(table.values()).toEqual([{ id: 1 }])
})
