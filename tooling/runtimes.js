// `npm run test:runtimes -- [--require | --fetch] [NAME...]`: the test suites of the packages under other runtimes than the
// one that runs this: all three on Node, the codec, which needs nothing of Node, on Bun and Deno too. What could not be
// fetched is reported as "not run", never as passed; --require makes it a failure. --fetch installs and tests nothing.
import { existsSync, readFileSync, rmSync } from 'node:fs'
import { delimiter, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { CACHE, install, RUNTIMES, run } from './runtime-binary.js'

/**
 * @typedef {import('./runtime-binary.js').Runtime} Runtime
 *
 * @typedef {object} Outcome
 * @property {string} passed
 * @property {string} failed
 * @property {string} skipped
 * @property {string} time
 * @property {boolean} isFailure
 */

const ROOT = fileURLToPath(new URL('..', import.meta.url))
const VITEST = join(ROOT, 'node_modules/vitest/vitest.mjs')

/**
 * Runs one package's suite under a runtime, which is first in PATH for what the tests start.
 * @param {Runtime} runtime
 * @param {string} path
 * @param {string} name
 * @returns {Promise<Outcome>}
 */
async function testPackage(runtime, path, name) {
  const report = join(CACHE, runtime.name, `${name}.json`)
  rmSync(report, { force: true })
  const options = ['--reporter=dot', '--reporter=json', `--outputFile.json=${report}`]
  const args = runtime.command([VITEST, 'run', '--root', join(ROOT, 'packages', name), ...options])
  const env = { ...process.env, DENO_NO_UPDATE_CHECK: '1', PATH: dirname(path) + delimiter + process.env.PATH }
  const begin = performance.now()
  const { code, output } = await run(path, args, env)
  const time = `${((performance.now() - begin) / 1000).toFixed(1)} s`
  if (code !== 0) console.log(output)
  if (!existsSync(report)) return { passed: '-', failed: `exit ${code}`, skipped: '-', time, isFailure: true }
  const { numPassedTests, numFailedTests, numTotalTests } = JSON.parse(readFileSync(report, 'utf8'))
  return {
    passed: String(numPassedTests),
    failed: code !== 0 && numFailedTests === 0 ? `exit ${code}` : String(numFailedTests),
    skipped: String(numTotalTests - numPassedTests - numFailedTests),
    time,
    isFailure: code !== 0 || numPassedTests === 0,
  }
}

/** @param {string[]} cells */
function printRow(...cells) {
  const widths = [8, 9, 10, 7, 7, 8]
  console.log(
    cells
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join(' ')
      .trimEnd(),
  )
}

/**
 * Prints a row for each suite and counts the suites by how they ended.
 * @param {Runtime[]} runtimes
 */
async function testAll(runtimes) {
  const count = { passed: 0, failed: 0, notRun: 0 }
  printRow('runtime', 'version', 'package', 'passed', 'failed', 'skipped', 'time')
  for (const runtime of runtimes) {
    const installed = await install(runtime)
    if ('reason' in installed) {
      printRow(runtime.title, '-', '-', `not run: ${installed.reason}`)
      count.notRun += runtime.packages.length
      continue
    }
    if (words.includes('--fetch')) printRow(runtime.title, installed.version, '-', 'installed')
    for (const name of words.includes('--fetch') ? [] : runtime.packages) {
      const { passed, failed, skipped, time, isFailure } = await testPackage(runtime, installed.path, name)
      printRow(runtime.title, installed.version, name, passed, failed, skipped, time)
      count[isFailure ? 'failed' : 'passed'] += 1
    }
  }
  return count
}

const words = process.argv.slice(2)
const asked = words.filter((word) => word !== '--require' && word !== '--fetch')
const unknown = asked.find((word) => !RUNTIMES.some(({ name }) => name === word))
if (unknown !== undefined) {
  console.error(`unknown runtime ${unknown}; known are ${RUNTIMES.map(({ name }) => name).join(', ')}`)
  process.exitCode = 2
} else {
  const count = await testAll(asked.length === 0 ? RUNTIMES : RUNTIMES.filter(({ name }) => asked.includes(name)))
  console.log(`suites: ${count.passed} passed, ${count.failed} failed, ${count.notRun} not run`)
  if (count.failed > 0 || (count.notRun > 0 && words.includes('--require'))) process.exitCode = 1
}
