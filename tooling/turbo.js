// Runs turbo with its telemetry and update check off: `node tooling/turbo.js TASK... [--quiet]`.
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const turbo = fileURLToPath(new URL('../node_modules/turbo/bin/turbo', import.meta.url))

/**
 * Runs the tasks and returns turbo's exit code. Quiet prints nothing unless a task fails.
 * @param {string[]} tasks
 * @param {{ quiet?: boolean }} [options]
 * @returns {number}
 */
export function runTurbo(tasks, { quiet = false } = {}) {
  const args = [turbo, 'run', ...tasks, ...(quiet ? ['--output-logs=errors-only', '--log-prefix=none'] : [])]
  const env = { ...process.env, TURBO_TELEMETRY_DISABLED: '1', DO_NOT_TRACK: '1', TURBO_NO_UPDATE_NOTIFIER: '1' }
  const result = spawnSync(process.execPath, args, {
    cwd: root,
    env,
    stdio: quiet ? ['ignore', 'pipe', 'pipe'] : 'inherit',
    maxBuffer: Number.POSITIVE_INFINITY,
  })
  if (result.error) throw result.error
  if (quiet && result.status !== 0) process.stderr.write(`${result.stdout}${result.stderr}`)
  return result.status ?? 1
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const tasks = process.argv.slice(2).filter((argument) => argument !== '--quiet')
  process.exitCode = runTurbo(tasks, { quiet: process.argv.includes('--quiet') })
}
