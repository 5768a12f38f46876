// `npm run test:runtimes -- [--require] [NAME...]`: the test suites of the packages under other runtimes than the one that
// runs this: all three on Node, the codec, which needs nothing of Node, on Bun and Deno too. What could not be fetched is reported as "not run", never as passed; --require makes it a failure.
import { spawn } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs'
import { delimiter, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

/**
 * A runtime is an npm package that carries a binary.
 * @typedef {object} Runtime
 * @property {string} name how it is asked for on the command line
 * @property {string} title how it is shown in the table
 * @property {string} spec the npm package, with a version
 * @property {string} binary path of the binary, from the folder the package was installed in
 * @property {(args: string[]) => string[]} command the arguments that run a JavaScript file with arguments
 * @property {string[]} packages whose suites it runs
 *
 * @typedef {object} Outcome
 * @property {string} passed
 * @property {string} failed
 * @property {string} skipped
 * @property {string} time
 * @property {boolean} isFailure
 *
 * @typedef {{ path: string, version: string } | { reason: string }} Installed
 */

const ROOT = fileURLToPath(new URL('..', import.meta.url))
const CACHE = join(ROOT, 'tooling/.cache/runtimes')
const VITEST = join(ROOT, 'node_modules/vitest/vitest.mjs')

/** @type {(major: string) => Runtime} */
const node = (major) => ({
  name: major,
  title: `node ${major}`,
  spec: `node-${process.platform}-${process.arch}@${major}`,
  binary: `node_modules/node-${process.platform}-${process.arch}/bin/node`,
  command: (args) => args,
  packages: ['codec', 'transport', 'rpc'],
})

/** @type {Runtime} */
const bun = {
  name: 'bun',
  title: 'bun',
  spec: '@oven/bun-linux-x64@^1.3.0',
  binary: 'node_modules/@oven/bun-linux-x64/bin/bun',
  command: (args) => ['--bun', ...args],
  packages: ['codec'],
}

/** @type {Runtime} */
const deno = {
  name: 'deno',
  title: 'deno',
  spec: '@deno/linux-x64-glibc@^2.5.0',
  binary: 'node_modules/@deno/linux-x64-glibc/deno',
  command: (args) => ['run', '--allow-all', ...args],
  packages: ['codec'],
}

const RUNTIMES = [...['20', '22', '24', '26'].map(node), bun, deno]

/**
 * Runs a program to its end; a program that cannot be started ends with code -1.
 * @param {string} command
 * @param {string[]} args
 * @param {NodeJS.ProcessEnv} [env]
 * @returns {Promise<{ code: number | null, output: string }>}
 */
function run(command, args, env = process.env) {
  return new Promise((resolve) => {
    const child = spawn(command, args, { cwd: ROOT, env, stdio: ['ignore', 'pipe', 'pipe'] })
    let output = ''
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text) => {
        output += text
      })
    }
    child.on('error', (error) => resolve({ code: -1, output: error.message }))
    child.on('close', (code) => resolve({ code, output }))
  })
}

/**
 * The binary from the cache, or from the registry on first use.
 * @param {Runtime} runtime
 * @returns {Promise<Installed>}
 */
async function install({ name, spec, binary }) {
  if (process.platform !== 'linux' || process.arch !== 'x64') {
    return { reason: `no binary for ${process.platform}-${process.arch}, only for linux-x64` }
  }
  const folder = join(CACHE, name)
  const path = join(folder, binary)
  if (!existsSync(path)) {
    mkdirSync(folder, { recursive: true })
    const options = ['--prefix', folder, '--no-save', '--no-audit', '--no-fund', '--ignore-scripts', '--loglevel=error']
    const { code, output } = await run('npm', ['install', ...options, spec])
    if (code !== 0 || !existsSync(path)) {
      rmSync(folder, { recursive: true, force: true })
      return { reason: npmErrors(output) || `npm brought no ${binary}` }
    }
  }
  const { code, output } = await run(path, ['--version'])
  return code === 0
    ? { path, version: /\d+\.\d+\.\d+/.exec(output)?.[0] ?? output.trim() }
    : { reason: `the binary does not start: ${output.trim()}` }
}

/** @param {string} output */
function npmErrors(output) {
  const errors = Array.from(output.matchAll(/^npm error (.+)$/gm), ([, text]) => text)
  return errors.slice(0, 2).join(', ')
}

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
    for (const name of runtime.packages) {
      const { passed, failed, skipped, time, isFailure } = await testPackage(runtime, installed.path, name)
      printRow(runtime.title, installed.version, name, passed, failed, skipped, time)
      count[isFailure ? 'failed' : 'passed'] += 1
    }
  }
  return count
}

const words = process.argv.slice(2)
const asked = words.filter((word) => word !== '--require')
const unknown = asked.find((word) => !RUNTIMES.some(({ name }) => name === word))
if (unknown !== undefined) {
  console.error(`unknown runtime ${unknown}; known are ${RUNTIMES.map(({ name }) => name).join(', ')}`)
  process.exitCode = 2
} else {
  const count = await testAll(asked.length === 0 ? RUNTIMES : RUNTIMES.filter(({ name }) => asked.includes(name)))
  console.log(`suites: ${count.passed} passed, ${count.failed} failed, ${count.notRun} not run`)
  if (count.failed > 0 || (count.notRun > 0 && words.includes('--require'))) process.exitCode = 1
}
