// What a process has used until now, and what it holds.
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

export interface Usage {
  cpuMicros: number
  /** The most memory it ever had, in bytes. */
  peakMemory: number
}

export function usageSoFar(): Usage {
  const { userCPUTime, systemCPUTime, maxRSS } = process.resourceUsage()
  return { cpuMicros: userCPUTime + systemCPUTime, peakMemory: maxRSS * 1024 }
}

/** Bytes in memory once the garbage is gone. */
export function settledMemory(): number {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as (options: object) => void
  // What a first collection finalizes a second one frees; the last resort gives pages back, too.
  for (let round = 0; round < 2; round++) collect({ type: 'major', execution: 'sync', flavor: 'last-resort' })
  return process.memoryUsage.rss()
}
