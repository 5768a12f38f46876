import { test } from 'vitest'
import { checkHalf } from './simulated-seeds.ts'

test('I1, I2 and I3 hold in every simulated run, first half of the seeds', async () => {
  await checkHalf(false)
}, 86_400_000)
