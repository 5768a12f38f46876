// How a server process bears a fault: how late its event loop was for those who are healthy (I5), and what memory it took
// and gave back (I4). Both are measured in the server itself, so the attackers beside it are no part of them.
import { KiB, MiB, memoryBound } from './meters.ts'
import type { ServerConfig } from './process-config.ts'
import { type Child, type ChildOptions, startChild } from './supervisor.ts'
import type { Trial } from './trial.ts'
import { sleep } from './waiting.ts'

const MOST_LATE_MS = 50
const BACK_MS = 5_000
/** What compiled code and a heap that has grown keep, whatever the fault was. */
const KEPT = { resident: 32 * MiB, live: 8 * MiB }

/** Memory of a process: resident, and in use by JavaScript and its buffers. */
interface Memory {
  resident: number
  live: number
}

/** What a server process says of its memory. */
export interface MemoryReport {
  /** When it was up. */
  start: Memory
  now: Memory
  /** Most resident so far, */
  peak: number
  /** and most connections at the same time. */
  connections: number
}

/** A server process that is up, and whose memory is judged when the trial is over. */
export async function startServer(
  trial: Trial,
  config: ServerConfig,
  { back = 'resident', ...options }: ChildOptions & { back?: keyof Memory } = {},
): Promise<Child> {
  const server = await startChild(trial, 'server', config, options)
  trial.atEnd(() => judgeMemory(trial, server, back))
  return server
}

/** The event loop of a server from now on; what is returned judges it up to then. */
export async function watchLoop(trial: Trial, server: Child, name = ''): Promise<() => Promise<void>> {
  await server.ask('resetLoop')
  return async () => judgeLoop(trial, await server.ask('loopMs', 99), name)
}

/** I5: how late all but one of a hundred timers of a server were at most. */
export function judgeLoop(trial: Trial, lateMs: number, name = ''): void {
  trial.within(`event loop of the server, p99${name}`, lateMs, MOST_LATE_MS)
}

/** I4: the bound at its peak, and back to within 20 % of the start 5 s after everything is closed. */
async function judgeMemory(trial: Trial, server: Child, back: keyof Memory): Promise<void> {
  if (!server.isUp) return
  let report = await server.ask<MemoryReport>('memory')
  const most = 1.2 * report.start[back] + KEPT[back]
  for (const end = performance.now() + BACK_MS; report.now[back] > most && performance.now() < end; ) {
    await sleep(200)
    report = await server.ask<MemoryReport>('memory')
  }
  const { start, now, peak, connections } = report
  const bound = start.resident + memoryBound(connections, MiB, 256 * KiB)
  if (peak > bound) {
    trial.violations.push(`I4 ${inMiB(start.resident)} before, ${inMiB(peak)} with ${connections} connections`)
  }
  if (now[back] > most) {
    trial.violations.push(`I4 ${back} memory: ${inMiB(start[back])} before, ${inMiB(now[back])} 5 s after`)
  }
  trial.note(`I4: ${inMiB(start.resident)}, at most ${inMiB(peak)}, back to ${inMiB(now.resident)}`)
}

function inMiB(bytes: number): string {
  return `${Math.round(bytes / MiB)} MiB`
}
