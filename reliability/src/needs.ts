// What rows need besides Node, and whether this machine has it. What is missing makes a row "not run", with the reason.
import { spawnSync } from 'node:child_process'
import { accessSync, constants } from 'node:fs'

export type Need =
  | 'openssl'
  | 'haproxy'
  | 'dnsmasq'
  | 'prlimit'
  | 'cgroup'
  | 'namespaces'
  | 'iptables DROP'
  | 'iptables statistic'
  | 'iptables REJECT'
  | 'ss -K'

const MEMORY_GROUPS = '/sys/fs/cgroup/memory'

/** Why there is none of it here; undefined = there is. */
const CHECKS: Readonly<Record<Need, () => string | undefined>> = {
  openssl: () => missing('openssl', 'version'),
  haproxy: () => missing('haproxy', '-v'),
  dnsmasq: () => missing('dnsmasq', '--version'),
  prlimit: () => missing('prlimit', '--version'),
  cgroup: () => (isWritable(MEMORY_GROUPS) ? undefined : `${MEMORY_GROUPS} (cgroup v1) cannot be written to`),
  namespaces: () => missing('ip', '-V') ?? inNamespace('namespaces with a bridge', BRIDGE_AND_CABLE),
  'iptables DROP': () => rule('DROP', []),
  'iptables statistic': () => rule('DROP', ['-m', 'statistic', '--mode', 'random', '--probability', '0.5']),
  'iptables REJECT': () => rule('REJECT', ['-p', 'tcp'], ['--reject-with', 'tcp-reset']),
  'ss -K': () => missing('ss', '-V') ?? (canKill() ? undefined : 'ss -K ends no connection in this kernel'),
}

const BRIDGE_AND_CABLE = [
  ['ip', 'link', 'add', 'try', 'type', 'bridge'],
  ['ip', 'link', 'add', 'one', 'type', 'veth', 'peer', 'name', 'two'],
]

const known = new Map<Need, string | undefined>()

/** What of the needs is missing here, in words; undefined = nothing. */
export function whatIsMissing(needs: readonly Need[]): string | undefined {
  for (const need of needs) if (!known.has(need)) known.set(need, CHECKS[need]())
  const reasons = needs.flatMap((need) => known.get(need) ?? [])
  return reasons.length === 0 ? undefined : reasons.join('; ')
}

function missing(program: string, argument: string): string | undefined {
  return succeeds(program, argument) ? undefined : `the program ${program} is missing (npm run setup:peers)`
}

/** Programs may be there and the kernel may be without what they ask for: each line must work, in a namespace of its own. */
function inNamespace(what: string, lines: readonly (readonly string[])[]): string | undefined {
  const name = `fwtry${process.pid}`
  if (!succeeds('ip', 'netns', 'add', name)) return 'network namespaces need root'
  const isFine = lines.every((line) => succeeds('ip', 'netns', 'exec', name, ...line))
  succeeds('ip', 'netns', 'del', name)
  return isFine ? undefined : `this kernel has no ${what}`
}

function rule(target: string, match: readonly string[], how: readonly string[] = []): string | undefined {
  const line = ['iptables', '-w', '-A', 'INPUT', ...match, '-j', target, ...how]
  return missing('iptables', '--version') ?? inNamespace(line.slice(4).join(' '), [line])
}

/** Whether a connection is gone that was killed. */
function canKill(): boolean {
  return succeeds(process.execPath, '-e', KILL_OWN)
}

/** A program that kills its own connection, and succeeds when that has failed within 2 s. */
const KILL_OWN = `
const { createServer, connect } = require('node:net')
const server = createServer(() => {}).listen(0, '127.0.0.1', () => {
  const { port } = server.address()
  const socket = connect(port, '127.0.0.1', () => {
    require('node:child_process').spawnSync('ss', ['-K', 'dst', '127.0.0.1', 'dport', '=', ':' + port])
    setTimeout(() => process.exit(1), 2_000)
  })
  socket.on('error', () => process.exit(0))
})`

function succeeds(program: string, ...args: readonly string[]): boolean {
  return spawnSync(program, args, { stdio: 'ignore' }).status === 0
}

function isWritable(folder: string): boolean {
  try {
    accessSync(`${folder}/cgroup.procs`, constants.W_OK)
    return process.getuid?.() === 0
  } catch {
    return false
  }
}
