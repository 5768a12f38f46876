// Network namespaces of a trial: hosts with an address each, joined by one bridge, and what the kernel does to their
// packets. Nothing leaves them, and they are gone when the trial is over.
import { spawnSync } from 'node:child_process'
import { readFileSync, rmSync } from 'node:fs'
import type { Trial } from './trial.ts'

const PREFIX = 'fwrel'

export interface Host {
  /** The name of its namespace. */
  readonly name: string
  readonly address: string
  /** In front of a command line: runs it there. */
  readonly before: readonly string[]
  /** Runs a command there and throws when it fails. */
  run(...line: readonly string[]): string
}

let networks = 0

/** So many hosts that reach each other, from 10.77.0.1 on. */
export function network(trial: Trial, hosts: number): Host[] {
  const id = `${PREFIX}${process.pid}n${++networks}`
  const middle = `${id}m`
  command('ip', 'netns', 'add', middle)
  trial.atEnd(() => command('ip', 'netns', 'del', middle))
  const inMiddle = (...line: string[]) => command('ip', 'netns', 'exec', middle, ...line)
  inMiddle('ip', 'link', 'set', 'lo', 'up')
  inMiddle('ip', 'link', 'add', 'bridge', 'type', 'bridge')
  inMiddle('ip', 'link', 'set', 'bridge', 'up')
  return Array.from({ length: hosts }, (_, index) => {
    const name = `${id}h${index + 1}`
    const address = `10.77.0.${index + 1}`
    command('ip', 'netns', 'add', name)
    trial.atEnd(() => command('ip', 'netns', 'del', name))
    const before = ['ip', 'netns', 'exec', name]
    const run = (...line: readonly string[]) => command(...before, ...line)
    inMiddle('ip', 'link', 'add', `port${index + 1}`, 'type', 'veth', 'peer', 'name', 'eth', 'netns', name)
    inMiddle('ip', 'link', 'set', `port${index + 1}`, 'master', 'bridge', 'up')
    run('ip', 'link', 'set', 'lo', 'up')
    run('ip', 'addr', 'add', `${address}/24`, 'dev', 'eth')
    run('ip', 'link', 'set', 'eth', 'up')
    return { name, address, before, run }
  })
}

/** Packets of a host vanish, in one direction or both, until `restore`. */
export function blackHole(host: Host, directions: readonly ('in' | 'out')[]): { restore(): void } {
  const rules = directions.map((way) => (way === 'in' ? ['INPUT', '-i', 'eth'] : ['OUTPUT', '-o', 'eth']))
  const change = (verb: '-A' | '-D') => {
    for (const rule of rules) host.run('iptables', '-w', verb, ...rule, '-j', 'DROP')
  }
  change('-A')
  return { restore: () => change('-D') }
}

/** Removes what a run that was killed left behind: what runs in its namespaces, these, and their resolvers. */
export function removeStaleNetworks(): void {
  const { stdout, status } = spawnSync('ip', ['netns', 'list'], { encoding: 'utf8' })
  if (status !== 0) return
  for (const [name, pid] of stdout.matchAll(new RegExp(`^${PREFIX}(\\d+)n\\w+`, 'gm'))) {
    if (isAlive(Number(pid))) continue
    const left = spawnSync('ip', ['netns', 'pids', name], { encoding: 'utf8' }).stdout
    for (const each of left.split(/\s+/).filter(Boolean)) spawnSync('kill', ['-KILL', each])
    spawnSync('ip', ['netns', 'del', name])
    rmSync(`/etc/netns/${name}`, { recursive: true, force: true })
  }
}

/** Whether the row still runs: its number may be another process's by now. */
function isAlive(pid: number): boolean {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'latin1').includes('row-process')
  } catch {
    return false
  }
}

function command(...line: readonly string[]): string {
  const { status, stdout, stderr, error } = spawnSync(line[0] as string, line.slice(1), { encoding: 'utf8' })
  if (status === 0) return stdout
  throw new Error(`${line.join(' ')}: ${error?.message ?? stderr.trim()}`)
}
