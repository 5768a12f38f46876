// `npm run reliability:planted -- [--only F02] [--seed N]`: does the scorecard see what it says it sees? For each entry of
// reliability/planted-bugs.json one guard is taken out of a copy of the sources, and the whole card is run on it: exactly
// the row of that guard must fail. About four minutes a bug. Ends with 1 when another row failed, or none.
import { spawnSync } from 'node:child_process'
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'

/**
 * @typedef {object} PlantedBug
 * @property {string} row the one that must fail
 * @property {string} bug in words
 * @property {string} file
 * @property {string} guard what stands there, once
 * @property {string} without what stands there instead
 */

const ROOT = fileURLToPath(new URL('..', import.meta.url))
const NOT_COPIED = /\/(\.git|\.cache|\.turbo|bench\/peers\/node_modules)$/
const MOST_MINUTES = 20

/** A copy of this checkout, with what is installed in it. */
function copyCheckout() {
  const copy = mkdtempSync(join(tmpdir(), 'framewire-planted-'))
  const filter = (/** @type {string} */ source) => !NOT_COPIED.test(source)
  // The packages link to one another by relative paths: those of the copy lead into the copy.
  cpSync(ROOT, copy, { recursive: true, verbatimSymlinks: true, filter })
  return copy
}

/**
 * The rows that fail with a bug, or what the compiler says of it.
 * @param {string} copy
 * @param {PlantedBug} planted
 * @param {string} seed
 * @returns {string[]}
 */
function failedRows(copy, { file, guard, without }, seed) {
  const path = join(copy, file)
  const source = readFileSync(path, 'utf8')
  try {
    writeFileSync(
      path,
      source.replace(guard, () => without),
    )
    const build = node(copy, ['tooling/turbo.js', 'build', '--quiet'])
    if (build.status !== 0) return [`not built: ${build.stderr.split('\n', 1)[0]}`]
    const card = node(copy, ['reliability/dist/main.js', '--seed', seed, '--report', join(copy, 'card.md')])
    if (card.status === null) throw new Error(`the card was ended by ${card.signal}`)
    console.log(card.stdout.replace(/^(?! {7}|.* FAIL ).*\n/gm, ''))
    return [...card.stdout.matchAll(/ FAIL (\w+)/g)].map(([, row]) => row ?? '')
  } finally {
    writeFileSync(path, source)
  }
}

/**
 * @param {string} cwd
 * @param {string[]} args
 */
function node(cwd, args) {
  return spawnSync(process.execPath, args, { cwd, encoding: 'utf8', timeout: MOST_MINUTES * 60_000 })
}

const { values } = parseArgs({ options: { only: { type: 'string', multiple: true }, seed: { type: 'string' } } })
const { only, seed = '1' } = values
/** @type {PlantedBug[]} */
const all = JSON.parse(readFileSync(join(ROOT, 'reliability/planted-bugs.json'), 'utf8'))
const asked = all.filter(({ row }) => only === undefined || only.includes(row))
// The program under way ends by it, and what is left to do is to clear up.
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => {})
const copy = copyCheckout()
let exact = 0
try {
  for (const planted of asked) {
    const begin = performance.now()
    const failed = failedRows(copy, planted, seed)
    const isExact = failed.length === 1 && failed[0] === planted.row
    if (isExact) exact++
    const seconds = Math.round((performance.now() - begin) / 1_000)
    console.log(
      `${isExact ? 'ok  ' : 'FAIL'} ${planted.row}  ${planted.bug}: failed ${failed.join(', ') || 'none'}, ${seconds} s`,
    )
  }
} finally {
  rmSync(copy, { recursive: true, force: true })
}
console.log(`${exact} of ${asked.length} planted bugs made exactly their row fail`)
if (exact < asked.length) process.exitCode = 1
