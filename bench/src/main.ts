// `npm run bench`: runs the cells, prints a row as each is done, and ends with 1 when any contender failed. It measures
// nothing in its own process.
import { writeFile } from 'node:fs/promises'
import { type Cell, runCell } from './cell.ts'
import { BASELINE } from './contender.ts'
import { canPin, describeMachine, machineLine } from './machine.ts'
import { type Options, parseOptions, USAGE } from './options.ts'
import { tableColumns, tableHead, tableRow } from './table.ts'

async function run(options: Options): Promise<void> {
  const { contenders, rounds, seconds, inFlight } = options
  const machine = describeMachine(options.pin && canPin())
  const columns = tableColumns(contenders)
  console.log(machineLine(machine))
  console.log(
    `RPC unary echo of 32 B, one connection, two processes; ${rounds} alternating rounds of ${seconds} s, medians; ratios against ${BASELINE} in the same round`,
  )
  console.log(`\n${tableHead(columns)}`)
  const cells: Cell[] = []
  for (const depth of inFlight) {
    const cell = await runCell({ inFlight: depth, contenders, rounds, seconds, pinned: machine.pinned })
    cells.push(cell)
    console.log(tableRow(columns, cell))
  }
  reportFailures(cells)
  if (options.json !== undefined) {
    await writeFile(options.json, `${JSON.stringify({ machine, options, cells }, undefined, 2)}\n`)
  }
}

function reportFailures(cells: readonly Cell[]): void {
  for (const { inFlight, results } of cells) {
    for (const { contender, failure } of results) {
      if (failure === undefined) continue
      console.error(`failed: ${contender} at ${inFlight} in flight: ${failure}`)
      process.exitCode = 1
    }
  }
}

function optionsOrUsage(): Options | undefined {
  try {
    return parseOptions(process.argv.slice(2))
  } catch (error) {
    console.error(`${(error as Error).message}\n\n${USAGE}`)
    process.exitCode = 2
    return undefined
  }
}

const options = optionsOrUsage()
if (options !== undefined) await run(options)
