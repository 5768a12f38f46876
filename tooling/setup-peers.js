// `npm run setup:peers`: installs from Debian the real programs that the examples' tests talk to (servers, and frames of
// other ecosystems). Asks for what is missing only, starts no service, and ends with a table of what is there. Where it
// may not install it prints the command that would; the tests show what is missing as skipped.
import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { delimiter } from 'node:path'

/**
 * @typedef {object} Peer
 * @property {string} name
 * @property {string} usedFor
 * @property {string[]} packages Debian packages that bring it
 * @property {string[]} [units] services that the packages would start at the next boot
 * @property {() => string | undefined} version of what is there, undefined where it is missing
 */

const env = { ...process.env, PATH: `${process.env.PATH}${delimiter}/usr/sbin`, DEBIAN_FRONTEND: 'noninteractive' }

/**
 * What the program says about itself, as far as the pattern captures it.
 * @param {string} command
 * @param {string[]} args
 * @param {RegExp} pattern
 */
function ask(command, args, pattern) {
  const { stdout, stderr, status } = spawnSync(command, args, { encoding: 'utf8', env })
  return status === 0 ? pattern.exec(stdout + stderr)?.[1] : undefined
}

/**
 * The part of a file's name that the pattern captures, of the last such file in a folder.
 * @param {string} folder
 * @param {RegExp} pattern
 */
function find(folder, pattern) {
  if (!existsSync(folder)) return undefined
  return readdirSync(folder)
    .flatMap((file) => pattern.exec(file)?.[1] ?? [])
    .at(-1)
}

function postgresVersion() {
  const major = find('/usr/lib/postgresql', /^(\d+)$/)
  const folder = major === undefined ? '' : `/usr/lib/postgresql/${major}/bin/`
  return ask(`${folder}initdb`, ['--version'], /([\d.]+)/)
}

const ERLANG_RELEASE = 'io:format("release ~s", [erlang:system_info(otp_release)]), halt().'

/** @type {Peer[]} */
const PEERS = [
  {
    name: 'dnsmasq',
    usedFor: 'DNS over TCP',
    packages: ['dnsmasq-base'],
    version: () => ask('dnsmasq', ['--version'], /version (\S+)/),
  },
  {
    name: 'Redis',
    usedFor: 'RESP',
    packages: ['redis-server'],
    units: ['redis-server'],
    version: () => ask('redis-server', ['--version'], /v=(\S+)/),
  },
  {
    name: 'PostgreSQL',
    usedFor: 'PostgreSQL messages',
    packages: ['postgresql'],
    units: ['postgresql'],
    version: postgresVersion,
  },
  {
    name: 'Erlang/OTP',
    usedFor: '{packet, N} of gen_tcp',
    packages: ['erlang-base'],
    version: () => ask('erl', ['-noshell', '-eval', ERLANG_RELEASE], /release (\d+)/),
  },
  {
    name: 'JDK',
    usedFor: 'compiles the Netty peer',
    packages: ['default-jdk-headless'],
    version: () => ask('javac', ['-version'], /javac (\S+)/),
  },
  {
    name: 'Netty',
    usedFor: 'LengthFieldBasedFrameDecoder',
    packages: ['libnetty-java'],
    version: () => find('/usr/share/maven-repo/io/netty/netty-codec', /^(\d\S+)$/),
  },
  {
    name: 'tokio-util',
    usedFor: 'LengthDelimitedCodec (needs cargo)',
    packages: ['librust-tokio-util-dev'],
    version: () => find('/usr/share/cargo/registry', /^tokio-util-(\d\S+)$/),
  },
  {
    name: 'cargo',
    usedFor: 'compiles the tokio-util peer',
    packages: ['cargo'],
    version: () => ask('cargo', ['--version'], /cargo (\S+)/),
  },
  {
    name: 'Python',
    usedFor: 'struct, multiprocessing.connection',
    packages: ['python3'],
    version: () => ask('python3', ['--version'], /Python (\S+)/),
  },
  {
    name: 'OpenSSL',
    usedFor: 'certificates of the TLS tests',
    packages: ['openssl'],
    version: () => ask('openssl', ['version'], /OpenSSL (\S+)/),
  },
  {
    name: 'HAProxy',
    usedFor: 'PROXY protocol v2',
    packages: ['haproxy'],
    units: ['haproxy'],
    version: () => ask('haproxy', ['-v'], /version (\d[\d.]*)/),
  },
  {
    name: 'netcat',
    usedFor: 'lines() by hand',
    packages: ['netcat-openbsd'],
    version: () =>
      spawnSync('nc', ['-h'], { encoding: 'utf8', env }).stderr?.includes('OpenBSD') ? 'OpenBSD' : undefined,
  },
  {
    name: 'socat',
    usedFor: 'lines() by hand',
    packages: ['socat'],
    version: () => ask('socat', ['-V'], /socat version (\S+)/),
  },
  {
    name: 'Chromium',
    usedFor: 'looks at the page of the benchmark',
    packages: ['chromium'],
    version: () => ask('chromium', ['--version'], /Chromium (\S+)/),
  },
  {
    name: 'iproute2',
    usedFor: 'network namespaces',
    packages: ['iproute2'],
    version: () => ask('ip', ['-V'], /iproute2-(\S+?),?\s/),
  },
  {
    name: 'iptables',
    usedFor: 'packets that vanish',
    packages: ['iptables'],
    version: () => ask('iptables', ['--version'], /v([\d.]+)/),
  },
  {
    name: 'util-linux',
    usedFor: 'prlimit: few file descriptors',
    packages: ['util-linux'],
    version: () => ask('prlimit', ['--version'], /util-linux ([\d.]+)/),
  },
]

/**
 * @param {string} command
 * @param {string[]} args
 */
function run(command, ...args) {
  console.log(`$ ${[command, ...args].join(' ')}`)
  const { status, error } = spawnSync(command, args, { stdio: ['ignore', 'inherit', 'inherit'], env })
  if (status !== 0) throw new Error(`${command} ${args[0]} ended with ${status ?? error?.message}`)
}

const POLICY = '/usr/sbin/policy-rc.d'

/**
 * Installs while no package may start a service; a policy that is there already is kept, whatever it says.
 * @param {Peer[]} peers
 */
function install(peers) {
  const isOurs = !existsSync(POLICY)
  if (isOurs) writeFileSync(POLICY, '#!/bin/sh\nexit 101\n', { mode: 0o755 })
  else console.log(`${POLICY} is there already and is kept; it decides whether packages may start services`)
  try {
    run('apt-get', 'update', '-qq')
    run('apt-get', 'install', '-qq', '-y', '--no-install-recommends', ...peers.flatMap(({ packages }) => packages))
    if (!existsSync('/run/systemd/system')) return
    for (const unit of peers.flatMap(({ units = [] }) => units)) run('systemctl', 'disable', '--now', unit)
  } finally {
    if (isOurs) rmSync(POLICY, { force: true })
  }
}

/** Why nothing can be installed here, or undefined. */
function obstacle() {
  if (!existsSync('/etc/debian_version') || spawnSync('apt-get', ['--version']).error) return 'this is not Debian'
  return process.getuid?.() === 0 ? undefined : 'this user is not root'
}

function printTable() {
  const rows = PEERS.map(({ name, usedFor, version }) => [name, version() ?? 'missing', usedFor])
  for (const [name = '', version = '', usedFor] of [['peer', 'version', 'used for'], ...rows]) {
    console.log(`${name.padEnd(12)} ${version.padEnd(12)} ${usedFor}`)
  }
}

const missing = PEERS.filter(({ version }) => version() === undefined)
const packages = missing.flatMap((peer) => peer.packages)
const reason = obstacle()
try {
  if (missing.length > 0 && reason === undefined) install(missing)
} catch (error) {
  console.error(String(error))
}
if (missing.length > 0 && reason !== undefined) {
  console.log(
    `nothing installed: ${reason}. On Debian run this as root, or install the packages yourself (redis-server`,
  )
  console.log('and postgresql then start their services):')
  console.log(`  apt-get update && apt-get install --no-install-recommends ${packages.join(' ')}`)
}
printTable()
if (PEERS.some(({ version }) => version() === undefined)) process.exitCode = 1
