// `npm run reliability`: runs the rows, prints a line as each is done, writes the scorecard, and ends with 1 when a row
// has failed.
import { writeFileSync } from 'node:fs'
import { availableParallelism, release, type } from 'node:os'
import { removeStaleNetworks } from './network.ts'
import { type Options, parseOptions, USAGE } from './options.ts'
import { ROWS } from './rows.ts'
import { runRows } from './run-row.ts'
import { progressLines, scorecardPage } from './scorecard.ts'

async function run(options: Options): Promise<void> {
  const rows = ROWS.filter(({ id }) => options.only.length === 0 || options.only.includes(id))
  const begin = performance.now()
  let done = 0
  console.log(`${rows.length} rows, seed ${options.seed}${options.isNightly ? ', nightly' : ''}`)
  removeStaleNetworks()
  const outcomes = await runRows(rows, options, (outcome) => {
    for (const line of progressLines(outcome, ++done, rows.length)) console.log(line)
  })
  const seconds = (performance.now() - begin) / 1_000
  const failed = outcomes.filter(({ verdict }) => verdict === 'failed')
  const machine = { node: process.versions.node, system: `${type()} ${release()}`, cores: availableParallelism() }
  if (options.report !== undefined) {
    writeFileSync(options.report, scorecardPage(outcomes, { options, ...machine, seconds }))
    console.log(`written: ${options.report}`)
  }
  console.log(`${failed.length} of ${outcomes.length} rows failed, ${Math.round(seconds)} s, seed ${options.seed}`)
  if (failed.length > 0) process.exitCode = 1
}

function optionsOrUsage(): Options | undefined {
  try {
    const ids = ROWS.map(({ id }) => id)
    return parseOptions(process.argv.slice(2), ids)
  } catch (error) {
    console.error(`${(error as Error).message}\n\n${USAGE}`)
    process.exitCode = 2
    return undefined
  }
}

const options = optionsOrUsage()
if (options !== undefined) await run(options)
