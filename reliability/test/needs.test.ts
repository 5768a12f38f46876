import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { whatIsMissing } from '../src/needs.ts'

// Programs that are there, on a kernel that has neither the match `statistic` nor a way to kill a connection.

const folder = mkdtempSync(join(tmpdir(), 'framewire-needs-'))
const PROGRAMS = {
  ip: 'if [ "$2" = exec ]; then shift 3; exec "$@"; fi',
  iptables: 'case "$*" in *statistic*) exit 1;; esac',
  ss: 'exit 0',
}
const { PATH } = process.env

beforeAll(() => {
  for (const [name, lines] of Object.entries(PROGRAMS)) {
    writeFileSync(join(folder, name), `#!/bin/sh\n${lines}\n`)
    chmodSync(join(folder, name), 0o755)
  }
  process.env.PATH = `${folder}:${PATH}`
})

afterAll(() => {
  process.env.PATH = PATH
  rmSync(folder, { recursive: true })
})

test('what the kernel can not do is missing, whatever programs there are, and is named', () => {
  expect(whatIsMissing(['namespaces', 'iptables REJECT'])).toBeUndefined()
  expect(whatIsMissing(['namespaces', 'iptables statistic'])).toMatch(/^this kernel has no -m statistic .* DROP$/)
  expect(whatIsMissing(['ss -K'])).toBe('ss -K ends no connection in this kernel')
})
