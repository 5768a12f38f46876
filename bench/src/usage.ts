// What a process has used until now.

export interface Usage {
  cpuMicros: number
  /** The most memory it ever had, in bytes. */
  peakMemory: number
}

export function usageSoFar(): Usage {
  const { userCPUTime, systemCPUTime, maxRSS } = process.resourceUsage()
  return { cpuMicros: userCPUTime + systemCPUTime, peakMemory: maxRSS * 1024 }
}
