// The command line of the bench: read, checked once, never coerced.
import { parseArgs } from 'node:util'
import { SUITES, type Suite } from './cell.ts'
import { contenderNames } from './roster.ts'

export const USAGE = `npm run bench -- [options]
  --full               every cell, more rounds (half an hour with all peers, on a quiet machine)
  --only SUITE         ${SUITES.join(', ')}; may be repeated
                       (scale only here and with --full)
  --contender NAME     only this contender of RPC cells; may be repeated
                       (${contenderNames.join(', ')})
  --size 32,json       payloads of RPC cells in bytes, or json
  --inflight 1,128     calls in flight of RPC cells
  --rate 5000          calls a second of open loops
  --rounds N           rounds of each cell, alternating between contenders
  --seconds S          counted time of one round
  --json FILE          write machine, options and every round to a file
  --save               the same, into bench/results under today's date
  --report FILE        the page with the pictures (report.html)
  --no-report          no page
  --pictures DIR       the pictures as SVG files
  --from FILE          measure nothing: tables, page and pictures of a run that was written before
  --no-pin             leave the processes to the scheduler`

export interface Options {
  isFull: boolean
  suites: readonly Suite[]
  /** Undefined = those that the plan has. */
  contenders: readonly string[] | undefined
  /** Undefined = those that the plan has; an empty cell of both is 32 B at 128. */
  sizes: readonly (number | 'json')[] | undefined
  inFlight: readonly number[] | undefined
  callsPerSecond: readonly number[]
  rounds: number | undefined
  seconds: number | undefined
  json: string | undefined
  isSaved: boolean
  report: string | undefined
  pictures: string | undefined
  from: string | undefined
  pin: boolean
}

export function parseOptions(args: readonly string[]): Options {
  const { values } = parseArgs({
    args: [...args],
    options: {
      full: { type: 'boolean', default: false },
      only: { type: 'string', multiple: true },
      contender: { type: 'string', multiple: true },
      size: { type: 'string' },
      inflight: { type: 'string' },
      rate: { type: 'string', default: '5000' },
      rounds: { type: 'string' },
      seconds: { type: 'string' },
      json: { type: 'string' },
      save: { type: 'boolean', default: false },
      report: { type: 'string', default: 'report.html' },
      'no-report': { type: 'boolean', default: false },
      pictures: { type: 'string' },
      from: { type: 'string' },
      'no-pin': { type: 'boolean', default: false },
    },
  })
  return {
    isFull: values.full,
    suites: suitesOf(values.only, values.full),
    contenders: contendersOf(values.contender),
    sizes: values.size?.split(',').map(sizeOf),
    inFlight: values.inflight?.split(',').map((text) => wholeNumber('--inflight', text, 65_536)),
    callsPerSecond: values.rate.split(',').map((text) => wholeNumber('--rate', text, 1_000_000)),
    rounds: values.rounds === undefined ? undefined : wholeNumber('--rounds', values.rounds, 1_000),
    seconds: values.seconds === undefined ? undefined : secondsOf(values.seconds),
    json: values.json,
    isSaved: values.save,
    report: values['no-report'] ? undefined : values.report,
    pictures: values.pictures,
    from: values.from,
    pin: !values['no-pin'],
  }
}

function wholeNumber(option: string, text: string, max: number): number {
  const value = /^\d+$/.test(text) ? Number(text) : 0
  if (value < 1 || value > max) throw new RangeError(`${option} takes whole numbers from 1 to ${max}, not "${text}"`)
  return value
}

// An echo is known by four bytes; above the largest no contender's default limits hold.
function sizeOf(text: string): number | 'json' {
  if (text === 'json') return 'json'
  const size = /^\d+$/.test(text) ? Number(text) : 0
  if (size < 4 || size > 4 * 1024 * 1024) throw new RangeError(`--size takes 4 to 4194304 or json, not "${text}"`)
  return size
}

function secondsOf(text: string): number {
  const seconds = Number(text)
  if (!(seconds >= 0.01 && seconds <= 600)) throw new RangeError(`--seconds takes 0.01 to 600, not "${text}"`)
  return seconds
}

// Scale takes a minute: it is measured when it is asked for, and when everything is.
function suitesOf(only: readonly string[] | undefined, isFull: boolean): readonly Suite[] {
  if (only === undefined) return isFull ? SUITES : SUITES.filter((suite) => suite !== 'scale')
  const unknown = only.find((name) => !(SUITES as readonly string[]).includes(name))
  if (unknown !== undefined) throw new RangeError(`--only takes ${SUITES.join(', ')}, not "${unknown}"`)
  return SUITES.filter((suite) => only.includes(suite))
}

// The baseline stays first, so that tables keep their order.
function contendersOf(named: readonly string[] | undefined): readonly string[] | undefined {
  if (named === undefined) return undefined
  const unknown = named.find((name) => !contenderNames.includes(name))
  if (unknown !== undefined) throw new RangeError(`--contender takes ${contenderNames.join(', ')}, not "${unknown}"`)
  return contenderNames.filter((name) => named.includes(name))
}
