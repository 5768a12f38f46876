// Other runtimes than the one that runs this: npm packages that carry a binary, kept in a cache, fetched when asked for.
import { spawn } from 'node:child_process'
import { existsSync, mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
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
 * @typedef {{ path: string, version: string } | { reason: string }} Installed
 */

const ROOT = fileURLToPath(new URL('..', import.meta.url))
export const CACHE = join(ROOT, 'tooling/.cache/runtimes')

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

export const RUNTIMES = [...['20', '22', '24', '26'].map(node), bun, deno]

/**
 * Runs a program to its end; a program that cannot be started ends with code -1.
 * @param {string} command
 * @param {string[]} args
 * @param {NodeJS.ProcessEnv} [env]
 * @returns {Promise<{ code: number | null, output: string }>}
 */
export function run(command, args, env = process.env) {
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
 * The binary from the cache, fetched from the registry first unless told otherwise.
 * @param {Runtime} runtime
 * @param {{ fetched?: boolean }} [options]
 * @returns {Promise<Installed>}
 */
export async function install({ name, spec, binary }, { fetched = true } = {}) {
  if (process.platform !== 'linux' || process.arch !== 'x64') {
    return { reason: `no binary for ${process.platform}-${process.arch}, only for linux-x64` }
  }
  const folder = join(CACHE, name)
  const path = join(folder, binary)
  if (!existsSync(path)) {
    if (!fetched) return { reason: `${name} is not installed; npm run test:runtimes -- --fetch installs it` }
    const reason = await fetchInto(folder, spec, path)
    if (reason !== undefined) return { reason }
  }
  const { code, output } = await run(path, ['--version'])
  return code === 0
    ? { path, version: /\d+\.\d+\.\d+/.exec(output)?.[0] ?? output.trim() }
    : { reason: `the binary does not start: ${output.trim()}` }
}

/**
 * Undefined, or why there is no binary.
 * @param {string} folder
 * @param {string} spec
 * @param {string} path
 * @returns {Promise<string | undefined>}
 */
async function fetchInto(folder, spec, path) {
  mkdirSync(folder, { recursive: true })
  const options = ['--prefix', folder, '--no-save', '--no-audit', '--no-fund', '--ignore-scripts', '--loglevel=error']
  const { code, output } = await run('npm', ['install', ...options, spec])
  if (code === 0 && existsSync(path)) return undefined
  rmSync(folder, { recursive: true, force: true })
  return npmErrors(output) || `npm brought no ${path}`
}

/** @param {string} output */
function npmErrors(output) {
  const errors = Array.from(output.matchAll(/^npm error (.+)$/gm), ([, text]) => text)
  return errors.slice(0, 2).join(', ')
}
