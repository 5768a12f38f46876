// docs/transport.md and the sources say the same: the same options, the same defaults, and what the table calls refused
// is refused by every way in that takes the option, with the error that the table names.

import { readdirSync, readFileSync } from 'node:fs'
import { PassThrough } from 'node:stream'
import { fileURLToPath } from 'node:url'
import { within } from '@framewire/testkit'
import { expect, test } from 'vitest'
import { attach } from '../src/attach.ts'
import { connect } from '../src/connect.ts'
import { checkOptions, DEFAULTS } from '../src/options.ts'
import { createReconnector } from '../src/reconnector.ts'
import { listen } from '../src/server.ts'
import { checkServerOptions } from '../src/server-options.ts'
import { TransportError } from '../src/transport-error.ts'
import { guide } from './guides.ts'

interface Row {
  option: string
  unit: string
  default: string
  refused: string
}

interface Interface {
  bases: string
  /** What stands behind `@default` of each member. */
  members: Map<string, string | undefined>
}

const GUIDE = guide('docs/transport.md')
const SECTIONS = new Map(
  [...GUIDE.matchAll(/^### `(\w+)`\n([\s\S]*?)(?=^##)/gm)].map(([, name, text]) => [
    name as string,
    rows(String(text)),
  ]),
)

function rows(text: string): Row[] {
  return [...text.matchAll(/^\| `(\w+)` \|(.*)\|(.*)\|(.*)\|(.*)\|$/gm)].map((match) => {
    const [, option = '', unit = '', fallback = '', , refused = ''] = match.map((cell) => String(cell).trim())
    return { option, unit, default: fallback, refused }
  })
}

/** Every exported interface of the package's sources. */
const INTERFACES = new Map<string, Interface>()
const FOLDER = fileURLToPath(new URL('../src/', import.meta.url))
for (const file of readdirSync(FOLDER)) {
  const source = readFileSync(FOLDER + file, 'utf8')
  for (const [, name, bases, body] of source.matchAll(/^export interface (\w+)\s*([^{]*)\{\n([\s\S]*?)^\}/gm)) {
    INTERFACES.set(String(name), { bases: String(bases), members: membersOf(String(body)) })
  }
}

function membersOf(body: string): Interface['members'] {
  const found = body.matchAll(/(?:\/\*\*((?:(?!\*\/)[\s\S])*)\*\/\s*)?^ {2}(\w+)\??:/gm)
  return new Map([...found].map(([, comment, name]) => [String(name), defaultIn(comment ?? '')]))
}

function defaultIn(comment: string): string | undefined {
  const text = comment.replace(/\s*\n\s*\*\s*/g, ' ')
  return /@default (.*?)\s*$/.exec(text)?.[1]
}

/** The options that are exported, and what they extend. */
function exportedOptions(): string[] {
  const names = [...guide('packages/transport/src/index.ts').matchAll(/\b(\w+Options|Heartbeat)\b/g)]
  const all = new Set(names.map(([name]) => name))
  for (const name of all) {
    for (const [base] of INTERFACES.get(name)?.bases.matchAll(/\w+/g) ?? []) if (INTERFACES.has(base)) all.add(base)
  }
  return [...all]
}

const UNITS: Record<string, number> = { KiB: 1024, MiB: 1024 * 1024, s: 1000 }

/** `256 KiB, at most ...` is 262144; text that is no amount stays text. */
function amountOf(text: string): string | number {
  const plain = text.replace(/(\d),(\d{3})/g, '$1$2').replaceAll('`', '')
  const amount = /^(\d\w*|Infinity)(?: (KiB|MiB|s|ms))?(?:$|[,:])/.exec(plain)
  return amount === null ? plain : Number(amount[1]) * (UNITS[amount[2] ?? ''] ?? 1)
}

test('every exported interface of options has a table, and each of its members a row', () => {
  expect([...SECTIONS.keys()].toSorted()).toEqual(exportedOptions().toSorted())
  for (const [name, table] of SECTIONS) {
    const members = [...(INTERFACES.get(name)?.members.keys() ?? [])]
    expect(members.length, name).toBeGreaterThan(0)
    expect(table.map(({ option }) => option).toSorted(), name).toEqual(members.toSorted())
  }
})

test('every default is the one of the TSDoc', () => {
  for (const [name, table] of SECTIONS) {
    for (const { option, default: fallback } of table) {
      const documented = INTERFACES.get(name)?.members.get(option)
      expect(amountOf(fallback), `${name}.${option}`).toEqual(amountOf(documented ?? ''))
    }
  }
})

test('every number is the one that is filled in', () => {
  const { heartbeat, ...connection } = checkOptions({ heartbeat: { message: new Uint8Array(1) } })
  const { maxConnections: _, ...server } = checkServerOptions({})
  const filledIn: Record<string, object> = {
    ConnectionOptions: { ...DEFAULTS, maxSendBuffer: connection.maxSendBuffer },
    Heartbeat: heartbeat as object,
    ServerOptions: server,
  }
  for (const [name, values] of Object.entries(filledIn)) {
    const numbers = Object.entries(values).filter(([, value]) => typeof value === 'number')
    const table = SECTIONS.get(name)?.map((row) => [row.option, amountOf(row.default)]) ?? []
    expect(numbers.length).toBeGreaterThan(1)
    expect(Object.fromEntries(table)).toMatchObject(Object.fromEntries(numbers))
  }
})

const WAYS: Record<string, (options: object) => Promise<unknown>> = {
  connect: (options) => connect('unix:/nowhere/at/all', options),
  attach: async (options) => attach(new PassThrough(), options).destroy(),
  createReconnector: async (options) => createReconnector('unix:/nowhere/at/all', options).close(),
  listen: async (options) => (await listen('tcp://127.0.0.1:0', options)).close(),
}

/** Which ways take the options of an interface, and where in theirs they stand. */
const TAKEN: Record<string, [ways: string[], wrap?: (options: object) => object]> = {
  ConnectionOptions: [Object.keys(WAYS)],
  Heartbeat: [Object.keys(WAYS), (heartbeat) => ({ heartbeat: { message: new Uint8Array(1), ...heartbeat } })],
  ConnectOptions: [['connect', 'createReconnector']],
  AttachOptions: [['attach']],
  ReconnectorOptions: [['createReconnector']],
  BackoffOptions: [['createReconnector']],
  ServerOptions: [['listen']],
  ListenerOptions: [['listen']],
  ProxyProtocolOptions: [['listen'], (proxyProtocol) => ({ proxyProtocol })],
  TlsContextOptions: [['connect', 'createReconnector', 'listen'], (tls) => ({ tls })],
  ClientTlsOptions: [['connect', 'createReconnector'], (tls) => ({ tls })],
  ServerTlsOptions: [['listen'], (tls) => ({ tls })],
}

/** What it fails with, if it does. */
async function failure(way: string, name: string, options: object): Promise<unknown> {
  const [, wrap = (same: object) => same] = TAKEN[name] ?? []
  try {
    await within(way, (WAYS[way] as (typeof WAYS)[string])(wrap(options)))
    return undefined
  } catch (error) {
    return error
  }
}

const SPECIAL: Record<string, number> = { NaN: Number.NaN, Infinity: Number.POSITIVE_INFINITY }

/** `RangeError: \`0\`, \`NaN\`` as a name and values. */
function refusals(cell: string): { error: string; values: unknown[] } {
  const [error = ''] = cell.split(':')
  const values = [...cell.matchAll(/`(.*?)`/g)].map(([, text]) => SPECIAL[text as string] ?? JSON.parse(text as string))
  return { error, values }
}

const TABLES = [...SECTIONS].map(([name, table]) => ({ name, table, ways: TAKEN[name]?.[0] ?? [] }))
const REFUSING = TABLES.filter(({ table }) => table.some(({ refused }) => refused !== ''))

test.each(REFUSING)('$name: what its table calls refused is refused, by $ways', async ({ name, table, ways }) => {
  for (const { option, refused } of table) {
    const { error, values } = refusals(refused)
    for (const value of values) {
      for (const way of ways) {
        const thrown = (await failure(way, name, { [option]: value })) as Error | undefined
        expect(thrown?.name, `${way} with ${option} ${String(value)}`).toBe(error)
      }
    }
  }
})

/** The options that are numbers and do not refuse Infinity. */
const unlimited = (table: Row[]) =>
  table.filter(({ unit, refused }) => unit !== '' && unit !== 'mode' && !refused.includes('Infinity'))

const UNLIMITED = TABLES.filter(({ table }) => unlimited(table).length > 0)

test.each(UNLIMITED)('$name: what does not refuse Infinity takes it, in $ways', async ({ name, table, ways }) => {
  for (const { option } of unlimited(table)) {
    for (const way of ways) {
      const thrown = await failure(way, name, { [option]: Number.POSITIVE_INFINITY })
      if (!(thrown instanceof TransportError)) expect(thrown, `${way} with ${option} Infinity`).toBeUndefined()
    }
  }
})
