import { test } from 'vitest'
import { checkHalf } from './simulated-seeds.ts'

test('calls keep their promises in every simulated run, first half of the seeds', async () => {
  await checkHalf(false)
}, 86_400_000)
