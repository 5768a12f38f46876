// The command line of the bench: read, checked once, never coerced.
import { parseArgs } from 'node:util'
import { contenderNames, DEFAULT_CONTENDERS } from './roster.ts'

export const USAGE = `node bench/dist/main.js [options]
  --rounds N         rounds per cell, alternating between contenders (7)
  --seconds S        counted time of one round (0.4)
  --inflight 1,16    calls in flight, one cell each (1,16,128,1024)
  --only NAME        run only this contender; may be repeated (${contenderNames.join(', ')})
  --json FILE        write every round to a file
  --no-pin           leave the processes to the scheduler`

export interface Options {
  rounds: number
  seconds: number
  inFlight: number[]
  contenders: readonly string[]
  json: string | undefined
  pin: boolean
}

export function parseOptions(args: readonly string[]): Options {
  const { values } = parseArgs({
    args: [...args],
    allowNegative: true,
    options: {
      rounds: { type: 'string', default: '7' },
      seconds: { type: 'string', default: '0.4' },
      inflight: { type: 'string', default: '1,16,128,1024' },
      only: { type: 'string', multiple: true },
      json: { type: 'string' },
      pin: { type: 'boolean', default: true },
    },
  })
  return {
    rounds: wholeNumber('--rounds', values.rounds, 1_000),
    seconds: secondsOf(values.seconds),
    inFlight: values.inflight.split(',').map((text) => wholeNumber('--inflight', text, 65_536)),
    contenders: contendersOf(values.only),
    json: values.json,
    pin: values.pin,
  }
}

function wholeNumber(option: string, text: string, max: number): number {
  const value = /^\d+$/.test(text) ? Number(text) : 0
  if (value < 1 || value > max) throw new RangeError(`${option} takes whole numbers from 1 to ${max}, not "${text}"`)
  return value
}

function secondsOf(text: string): number {
  const seconds = Number(text)
  if (!(seconds >= 0.01 && seconds <= 600)) throw new RangeError(`--seconds takes 0.01 to 600, not "${text}"`)
  return seconds
}

// The baseline stays first, so that columns keep their places.
function contendersOf(only: readonly string[] | undefined): readonly string[] {
  if (only === undefined) return DEFAULT_CONTENDERS
  const unknown = only.find((name) => !contenderNames.includes(name))
  if (unknown !== undefined) throw new RangeError(`--only takes ${contenderNames.join(', ')}, not "${unknown}"`)
  return contenderNames.filter((name) => only.includes(name))
}
