// How many files and sockets a process may have open at a time.
import { spawnSync } from 'node:child_process'
import { NotRun } from './not-run.ts'

/** Node's own, its files, pipes and listening sockets. */
const BESIDES = 64

/** The hard limit, to which Node raises its own when it starts; Infinity where there is none, or nobody can say. */
export function descriptorLimit(): number {
  const { stdout } = spawnSync('sh', ['-c', 'ulimit -Hn'], { encoding: 'utf8' })
  const limit = Number.parseInt(stdout ?? '', 10)
  return Number.isNaN(limit) ? Number.POSITIVE_INFINITY : limit
}

/** Throws NotRun when a process can not have so many connections. */
export function checkDescriptors(connections: number, limit: number): void {
  const needed = connections + BESIDES
  if (limit >= needed) return
  throw new NotRun(`${connections} connections need ${needed} file descriptors, the limit is ${limit} (ulimit -Hn)`)
}
