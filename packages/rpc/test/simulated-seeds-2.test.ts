import { test } from 'vitest'
import { checkHalf } from './simulated-seeds.ts'

test('calls keep their promises in every simulated run, second half of the seeds', async () => {
  await checkHalf(true)
}, 86_400_000)
