import { expect, test } from 'vitest'
import { CallerPool } from './caller-pool.ts'
import type { Caller } from './contender.ts'
import { NotRun } from './not-run.ts'

function poolOf(more: Partial<Caller> = {}) {
  const open = new Set<number>()
  let made = 0
  const connect = async (): Promise<Caller> => {
    const number = made++
    open.add(number)
    return { call: async (value) => value, close: async () => void open.delete(number), ...more }
  }
  return { pool: new CallerPool(connect), open }
}

test('holds as many connections as it is told to, and keeps none of the old ones', async () => {
  const { pool, open } = poolOf()
  expect(await pool.hold(200)).toBe(200)
  expect(open.size).toBe(200)
  expect(await pool.hold(3)).toBe(3)
  expect([...open]).toEqual([200, 201, 202])
  await pool.close()
  expect(open.size).toBe(0)
})

test('a connection that can not be made fails the order', async () => {
  const refused = new CallerPool(() => Promise.reject(new Error('refused')))
  await expect(refused.hold(2)).rejects.toThrow('refused')
})

test('streams are begun on the first connection, and ended before it is closed', async () => {
  let running = 0
  const stall = async () => {
    running++
    return async () => void running--
  }
  const { pool } = poolOf({ stall })
  await pool.hold(1)
  expect([await pool.stall(5), await pool.stall(8), running]).toEqual([5, 8, 8])
  await pool.close()
  expect(running).toBe(0)
})

test('who has no streams is not run', async () => {
  const { pool } = poolOf()
  await pool.hold(1)
  await expect(pool.stall(1)).rejects.toBeInstanceOf(NotRun)
})
