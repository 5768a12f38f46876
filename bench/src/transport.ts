// `npm run bench:transport`: messages one way, round trips, and memory, each as a ratio to the floor of the same run, plain
// and over TLS; two processes, alternating rounds.

import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { canPin, describeMachine, machineLine } from './machine.ts'
import type { Spread } from './rounds.ts'
import { MAKERS, TRANSPORT_WORKS, type TransportWork, transportCell } from './transport-cells.ts'
import type { Certificate } from './transport-end.ts'
import { TransportPair } from './transport-pair.ts'

const KiB = 1024
const MiB = 1024 * KiB

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    seconds: { type: 'string', default: '1' },
    connections: { type: 'string', default: '10000' },
    'pause-seconds': { type: 'string', default: '10' },
  },
})
const [rounds, seconds, connections, pauseSeconds] = [
  values.rounds,
  values.seconds,
  values.connections,
  values['pause-seconds'],
].map(Number) as [number, number, number, number]

const pinned = canPin()
console.log(machineLine(describeMachine(pinned)))

/** One piece of work by both, in fresh processes, a warm-up first. */
async function compare(work: TransportWork, certificate: Certificate | undefined): Promise<void> {
  const cell = await transportCell(work, certificate, { rounds, seconds, pinned })
  const label = cell.title.padEnd(26)
  const [base, ours] = cell.results
  const failed = cell.results.find(({ failure }) => failure !== undefined)
  if (base?.value === undefined || ours?.value === undefined || ours.ratio === undefined) {
    console.log(`${label} failed: ${failed?.contender}: ${failed?.failure}`)
    process.exitCode = 1
    return
  }
  const perSecond = ({ median }: Spread): string => Math.round(median).toLocaleString('en').padStart(11)
  const target = cell.firstTarget === undefined ? '' : `  first target ${cell.firstTarget}`
  const { median, min, max } = ours.ratio
  const range = `${median.toFixed(2)} (${min.toFixed(2)}–${max.toFixed(2)})`
  console.log(`${label}${perSecond(base.value)}/s ${perSecond(ours.value)}/s  ${range}${target}`)
}

/** Bytes of memory an idle connection costs, both ends together and the server's alone. */
async function idleMemory(name: string): Promise<void> {
  const pair = await TransportPair.start(name, false, undefined)
  const before = await pair.server({ work: 'rss', size: 0, ms: 0 })
  const beforeClient = await pair.client({ work: 'rss', size: 0, ms: 0 })
  await pair.client({ work: 'idle', size: connections, ms: 0 })
  const server = (await pair.server({ work: 'rss', size: 0, ms: 0 })) - before
  const client = (await pair.client({ work: 'rss', size: 0, ms: 0 })) - beforeClient
  const each = (bytes: number): string => `${(bytes / connections / KiB).toFixed(1)} KiB`
  console.log(
    `${name.padEnd(12)} ${connections} idle connections: ${each(server)} each on the server, ${each(client)} on the client`,
  )
  await pair.close()
}

/** A receiver that takes nothing while the sender sends what it may. */
async function pausedReceiver(name: string): Promise<void> {
  const pair = await TransportPair.start(name, false, undefined)
  await pair.client({ work: 'ping-pong', size: 64, ms: 50 })
  await pair.server({ work: 'pause', size: 0, ms: 0 })
  const before = await pair.client({ work: 'rss', size: 0, ms: 0 })
  const serverBefore = await pair.server({ work: 'rss', size: 0, ms: 0 })
  let grown = 0
  try {
    grown = (await pair.client({ work: 'flood', size: 4 * KiB, ms: pauseSeconds * 1_000 })) - before
  } catch (error) {
    console.log(`${name}: the sender's connection ended: ${(error as Error).message}`)
  }
  const server = (await pair.server({ work: 'rss', size: 0, ms: 0 })) - serverBefore
  const text = (bytes: number): string => `${(bytes / MiB).toFixed(1)} MiB`
  console.log(
    `${name.padEnd(12)} paused receiver, ${pauseSeconds} s of full speed: sender at most +${text(grown)}, receiver +${text(server)}`,
  )
  await pair.close()
}

/** A certificate for this run, or why there is none. */
function makeCertificate(): Certificate | string {
  const folder = mkdtempSync(join(tmpdir(), 'framewire-bench-'))
  const [key, cert] = [join(folder, 'key.pem'), join(folder, 'cert.pem')]
  try {
    const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1']
    const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1']
    execFileSync(
      'openssl',
      ['req', '-x509', ...curve, '-nodes', '-days', '2', '-keyout', key, '-out', cert, ...subject],
      {
        stdio: 'pipe',
      },
    )
    return { key: readFileSync(key, 'utf8'), cert: readFileSync(cert, 'utf8') }
  } catch (error) {
    return (error as Error).message.split('\n')[0] as string
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

console.log(`\n${'work'.padEnd(26)}${'floor'.padStart(11)}   ${'framewire'.padStart(11)}    ratio`)
for (const work of TRANSPORT_WORKS) await compare(work, undefined)
const certificate = makeCertificate()
if (typeof certificate === 'string') console.log(`TLS not run: ${certificate}`)
else for (const work of TRANSPORT_WORKS) await compare(work, certificate)
console.log('')
for (const name of MAKERS) await idleMemory(name)
for (const name of MAKERS) await pausedReceiver(name)
