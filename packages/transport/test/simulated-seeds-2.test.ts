import { test } from 'vitest'
import { checkHalf } from './simulated-seeds.ts'

test('I1, I2 and I3 hold in every simulated run, second half of the seeds', async () => {
  await checkHalf(true)
}, 86_400_000)
