// What rows need besides Node, and whether this machine has it. What is missing makes a row "not run", with the reason.
import { spawnSync } from 'node:child_process'
import { accessSync, constants } from 'node:fs'

export type Need = 'openssl' | 'haproxy' | 'dnsmasq' | 'namespaces' | 'iptables' | 'ss' | 'prlimit' | 'cgroup'

const MEMORY_GROUPS = '/sys/fs/cgroup/memory'

/** Why there is none of it here; undefined = there is. */
const CHECKS: Readonly<Record<Need, () => string | undefined>> = {
  openssl: () => missing('openssl', 'version'),
  haproxy: () => missing('haproxy', '-v'),
  dnsmasq: () => missing('dnsmasq', '--version'),
  prlimit: () => missing('prlimit', '--version'),
  ss: () => missing('ss', '-V'),
  iptables: () => missing('iptables', '--version'),
  namespaces: () => missing('ip', '-V') ?? (canMakeNamespace() ? undefined : 'network namespaces need root'),
  cgroup: () => (isWritable(MEMORY_GROUPS) ? undefined : `${MEMORY_GROUPS} cannot be written to`),
}

const known = new Map<Need, string | undefined>()

/** What of the needs is missing here, in words; undefined = nothing. */
export function whatIsMissing(needs: readonly Need[]): string | undefined {
  for (const need of needs) if (!known.has(need)) known.set(need, CHECKS[need]())
  const reasons = needs.flatMap((need) => known.get(need) ?? [])
  return reasons.length === 0 ? undefined : reasons.join('; ')
}

function missing(program: string, argument: string): string | undefined {
  const { status } = spawnSync(program, [argument], { stdio: 'ignore' })
  return status === 0 ? undefined : `the program ${program} is missing (npm run setup:peers)`
}

function canMakeNamespace(): boolean {
  const name = `fwtry${process.pid}`
  const isMade = spawnSync('ip', ['netns', 'add', name], { stdio: 'ignore' }).status === 0
  if (isMade) spawnSync('ip', ['netns', 'del', name], { stdio: 'ignore' })
  return isMade
}

function isWritable(folder: string): boolean {
  try {
    accessSync(`${folder}/cgroup.procs`, constants.W_OK)
    return process.getuid?.() === 0
  } catch {
    return false
  }
}
