// How long calls took, in an HDR histogram: three significant digits from a nanosecond to a minute, in bounded memory.
import { build, type Histogram } from 'hdr-histogram-js'

/** Milliseconds, but for `count`. */
export interface Latency {
  count: number
  p50: number
  p90: number
  p99: number
  p999: number
  max: number
}

const NANOS_PER_MS = 1e6
const LONGEST_NANOS = 60e9

export class LatencyRecorder {
  readonly #histogram: Histogram = build({
    lowestDiscernibleValue: 1,
    highestTrackableValue: LONGEST_NANOS,
    numberOfSignificantValueDigits: 3,
    useWebAssembly: false,
  })

  record(elapsedMs: number): void {
    this.#histogram.recordValue(Math.min(LONGEST_NANOS, Math.max(1, Math.round(elapsedMs * NANOS_PER_MS))))
  }

  /** Undefined when nothing was recorded. */
  summary(): Latency | undefined {
    const { totalCount: count, maxValue } = this.#histogram
    if (count === 0) return undefined
    const at = (percentile: number): number => this.#histogram.getValueAtPercentile(percentile) / NANOS_PER_MS
    return { count, p50: at(50), p90: at(90), p99: at(99), p999: at(99.9), max: maxValue / NANOS_PER_MS }
  }
}
