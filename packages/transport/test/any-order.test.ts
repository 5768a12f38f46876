import { expect, test } from 'vitest'
import { anyOrder } from './any-order.ts'

const SEEDS = 200

test('every public method, called in any order and from any callback, breaks no promise of a connection', async () => {
  for (let seed = 0; seed < SEEDS; seed++) expect([seed, ...(await anyOrder(seed))]).toEqual([seed])
})
