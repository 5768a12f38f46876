// What the numbers were measured on, and whether processes can be pinned to a CPU of their own.
import { spawnSync } from 'node:child_process'
import { availableParallelism, cpus, loadavg } from 'node:os'

export const CLIENT_CPU = 0
export const SERVER_CPU = 1

export interface Machine {
  cpu: string
  cores: number
  node: string
  platform: string
  /** The commit of the working directory, with "-dirty" when files differ; undefined outside a repository. */
  commit: string | undefined
  pinned: boolean
  /** Processes that ran or wanted to, over the minute before: a quiet machine has less than 0.2. */
  loadBefore: number
}

export function describeMachine(pinned: boolean): Machine {
  return {
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    cores: availableParallelism(),
    node: process.version,
    platform: `${process.platform} ${process.arch}`,
    commit: outputOf('git', ['describe', '--always', '--dirty', '--exclude=*']),
    pinned,
    loadBefore: loadavg()[0] ?? 0,
  }
}

export function machineLine(machine: Machine): string {
  const pinning = machine.pinned ? `client on cpu ${CLIENT_CPU}, server on cpu ${SERVER_CPU}` : 'not pinned'
  const commit = machine.commit === undefined ? 'no commit' : `commit ${machine.commit}`
  return `${machine.cpu}, ${machine.cores} cores, ${machine.platform}, Node ${machine.node}, ${commit}, ${pinning}, load before ${machine.loadBefore.toFixed(1)}`
}

/** True where `taskset` exists and this process may use both CPUs. */
export function canPin(): boolean {
  return [CLIENT_CPU, SERVER_CPU].every((cpu) => outputOf('taskset', ['-c', String(cpu), 'true']) !== undefined)
}

function outputOf(command: string, args: readonly string[]): string | undefined {
  const result = spawnSync(command, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] })
  return result.status === 0 ? result.stdout.trim() : undefined
}
