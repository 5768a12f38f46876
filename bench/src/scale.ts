// Which cells of scale a run has, and who measures each.
import { BUSY_SERVERS, type Cell, ECHO_SERVERS, type Setting } from './cell.ts'
import {
  type RuntimesWork,
  runtimesCell,
  runtimesWork,
  type ServersWork,
  serversCell,
  serversWork,
} from './process-cells.ts'
import { type GrowthWork, growthCell, growthWork } from './scale-cells.ts'

export type ScaleWork = GrowthWork | ServersWork | RuntimesWork

const KiB = 1024
const MiB = 1024 * KiB
/** A call of these takes a tenth of a second and more. */
const HUGE = 16 * MiB
/** Of these each makes a call or two in the time of a round. */
const MANY = 10_000
const SLOW_FACTOR = 3

type Timed = ScaleWork & Pick<Setting, 'rounds' | 'seconds'>

/** About a minute. */
export function quickScale(): Timed[] {
  const works: ScaleWork[] = [
    ...growthWork('connections', [1, 10, 100, 1_000]),
    ...growthWork('payload', [16, 4 * KiB, 64 * KiB, MiB, HUGE]),
    ...growthWork('calls made', [0, 1_000_000]),
    ...growthWork('open streams', [0, 128]),
    ...serversWork(BUSY_SERVERS, [1, 2], ['cluster']),
    ...runtimesWork([[32, 128]]),
  ]
  return works.map((work) => timed(work, 3, 0.2))
}

export function fullScale(): Timed[] {
  const works: ScaleWork[] = [
    ...growthWork('connections', [1, 10, 100, 1_000, 10_000]),
    ...growthWork('payload', [16, 256, 4 * KiB, 64 * KiB, MiB, HUGE, 64 * MiB]),
    ...growthWork('calls made', [0, 1_000_000, 5_000_000]),
    ...growthWork('open streams', [0, 1, 16, 128]),
    ...serversWork(ECHO_SERVERS, [1, 2, 4], ['cluster', 'reusePort']),
    ...serversWork(BUSY_SERVERS, [1, 2, 4], ['cluster', 'reusePort']),
    ...runtimesWork([
      [32, 1],
      [32, 128],
      [KiB, 128],
    ]),
  ]
  return works.map((work) => timed(work, 5, 0.5))
}

export function scaleCell(work: ScaleWork, setting: Setting): Promise<Cell> {
  if (!('growth' in work)) return runtimesCell(work, setting)
  return 'ways' in work ? serversCell(work, setting) : growthCell(work, setting)
}

function timed(work: ScaleWork, rounds: number, seconds: number): Timed {
  const { of, value = 0 } = 'growth' in work ? work.growth : {}
  const isSlow = (of === 'payload' && value >= HUGE) || (of === 'connections' && value >= MANY)
  return { ...work, rounds, seconds: isSlow ? seconds * SLOW_FACTOR : seconds }
}
