// SECURITY.md and the sources say the same: every limit with its default, and tests that are there.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { PACKAGES, ROOT, read, sources } from './workspace.ts'

/** Numbers that are no limit: they say how bytes stand, or how a wait begins. */
const NO_LIMITS = new Set([
  'lengthFieldLength',
  'lengthFieldOffset',
  'trailerLength',
  'busyPollMicros',
  'baseDelayMs',
  'minDelayMs',
])

/** What `@default` says of each numeric option of the package, as `interface.option: default`. Test tools are left out. */
function limitsOf(name: (typeof PACKAGES)[number]): string[] {
  return sources(name)
    .filter((file) => !/^(toxics|chaos-proxy|simulation|network-faults|pair)\.ts$/.test(file))
    .flatMap((file) => {
      const text = read(`packages/${name}/src/${file}`)
      return [...text.matchAll(/^export interface (\w+)\s*[^{]*\{\n([\s\S]*?)^\}/gm)].flatMap(([, of, body = '']) => {
        return membersOf(body).map((member) => `${name} ${of}.${member}`)
      })
    })
}

function membersOf(body: string): string[] {
  const members = body.matchAll(/(?:\/\*\*((?:(?!\*\/)[\s\S])*)\*\/\s*)?^ {2}(\w+)\??:/gm)
  return [...members].flatMap(([, comment = '', option = '']) => {
    const fallback = /@default\s+([^\n*]*)/.exec(comment)?.[1]?.trim()
    if (fallback === undefined || !/^(\d|Infinity)/.test(fallback) || NO_LIMITS.has(option)) return []
    return [`${option}: ${fallback}`]
  })
}

test('its table has every limit of the sources with its default, and no other', () => {
  const rows = read('SECURITY.md').matchAll(
    /^\| (codec|transport|rpc) \| `(\w+)` \| `(\w+)` \| (.*?) \| (.+?) \| (.+?) \|$/gm,
  )
  const listed = [...rows].map(([, name, of, option, fallback]) => `${name} ${of}.${option}: ${fallback}`)
  expect(listed.sort()).toEqual(PACKAGES.flatMap(limitsOf).sort())
})

test('every test that it names is there', () => {
  const named = [...read('SECURITY.md').matchAll(/\]\((packages\/[\w/.-]+)\)(?:: "([^"]+)")?/g)]
  expect(named.length).toBeGreaterThan(20)
  const missing = named.filter(([, file = '', name]) => {
    return !readFileSync(join(ROOT, file), 'utf8').includes(name ?? '')
  })
  expect(missing.map(([text]) => text)).toEqual([])
})

test('every row of the scorecard that it names is there', () => {
  const files = ['cut-connections', 'slow-peers', 'slow-frames', 'floods', 'fuzz', 'descriptors', 'broken-handshakes']
  const rows = [...files, 'unix-paths'].map((file) => read(`reliability/src/${file}.ts`)).join('')
  const named = [...read('SECURITY.md').matchAll(/\bF\d\d\b/g)].map(([id]) => id)
  expect(named.filter((id) => !rows.includes(`id: '${id}'`))).toEqual([])
})
