// npm run simulate -w packages/transport -- --seeds N --from S, or packages/rpc: simulated runs of the package it is started
// in, with the seeds from S on. Ends with 1 when one of them breaks an invariant, and says which.

import { spawnSync } from 'node:child_process'
import { parseArgs } from 'node:util'

const { values } = parseArgs({ options: { seeds: { type: 'string' }, from: { type: 'string' } } })
const numbers = { seeds: Number(values.seeds ?? 10_000), from: Number(values.from ?? 0) }
for (const [name, value] of Object.entries(numbers)) {
  if (Number.isSafeInteger(value) && value >= 0) continue
  console.error(`--${name} must be an integer of at least 0`)
  process.exit(2)
}

const env = { ...process.env, FRAMEWIRE_SEEDS: String(numbers.seeds), FRAMEWIRE_FROM: String(numbers.from) }
const vitest = ['vitest', 'run', 'test/simulated-seeds-', '--disable-console-intercept']
const { status } = spawnSync('npx', vitest, { stdio: 'inherit', env, shell: process.platform === 'win32' })
process.exit(status ?? 1)
