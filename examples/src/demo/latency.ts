// Calls in a closed loop: as many under way as asked for, each timed on its own, from the call to its checked answer.

export interface Latency {
  calls: number
  inFlight: number
  /** Microseconds that half of the calls, or 99 of 100, stayed below. */
  p50: number
  p99: number
  callsPerSecond: number
}

/** Makes `calls` calls, numbered from 0. Rejects with the first that fails. */
export async function measure(
  calls: number,
  inFlight: number,
  call: (number: number) => Promise<void>,
): Promise<Latency> {
  const microseconds = new Float64Array(calls)
  let next = 0
  const loop = async (): Promise<void> => {
    while (next < calls) {
      const number = next++
      const startedAt = performance.now()
      await call(number)
      microseconds[number] = (performance.now() - startedAt) * 1_000
    }
  }
  const startedAt = performance.now()
  await Promise.all(Array.from({ length: inFlight }, loop))
  const seconds = (performance.now() - startedAt) / 1_000
  microseconds.sort()
  const percentile = (share: number): number => microseconds[Math.ceil(calls * share) - 1] as number
  return { calls, inFlight, p50: percentile(0.5), p99: percentile(0.99), callsPerSecond: calls / seconds }
}
