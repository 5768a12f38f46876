import { thrownBy } from '@framewire/testkit'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { Budget } from './budget.ts'

beforeEach(() => void vi.useFakeTimers({ toFake: ['performance'] }))
afterEach(() => void vi.useRealTimers())

test('is spent once in its time, and whole again after it', () => {
  const budget = new Budget(3, 'tests', 1_000)
  const spendAll = (): void => {
    for (let count = 0; count < 3; count++) budget.spend()
    const error = { reason: 'enhance your calm', message: 'more than 3 tests within 1000 ms' }
    expect(thrownBy(() => budget.spend())).toMatchObject(error)
  }
  spendAll()
  vi.advanceTimersByTime(999)
  expect(thrownBy(() => budget.spend())).toBeInstanceOf(Error)
  vi.advanceTimersByTime(1)
  spendAll()
})

test('what was earned is good until its time is over', () => {
  const budget = new Budget(1, 'tests', 1_000)
  budget.spend()
  for (let count = 0; count < 100; count++) {
    budget.earn()
    budget.spend()
  }
  vi.advanceTimersByTime(1_000)
  budget.earn()
  budget.spend()
  expect(thrownBy(() => budget.spend())).toBeInstanceOf(Error)
})
