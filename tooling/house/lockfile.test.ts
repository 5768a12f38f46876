import { describe, expect, test } from 'vitest'
import { read } from './workspace.ts'

interface Lock {
  packages: Record<string, { resolved?: string; link?: boolean }>
}

const REGISTRY = 'https://registry.npmjs.org/'

/** Packages that a stranger could not install: fetched from anywhere but the public registry. Workspaces are links. */
function foreignPackages(lock: Lock): string[] {
  return Object.entries(lock.packages).flatMap(([path, { resolved, link }]) => {
    if (link === true || resolved === undefined || resolved.startsWith(REGISTRY)) return []
    return [`${path}: ${resolved}`]
  })
}

test('package-lock.json fetches from the public registry only', () => {
  expect(foreignPackages(JSON.parse(read('package-lock.json')) as Lock)).toEqual([])
})

describe('the check', () => {
  test('finds a private host', () => {
    const packages = {
      'node_modules/a': { resolved: `${REGISTRY}a/-/a-1.0.0.tgz` },
      'node_modules/b': { resolved: 'https://registry.npmjs.org.example.com/b.tgz' },
      'node_modules/c': { resolved: 'packages/c', link: true },
      'node_modules/d': { resolved: 'git+ssh://git@github.com/d/d.git' },
      'node_modules/e': {},
    }
    expect(foreignPackages({ packages }).map((line) => line.slice(0, 14))).toEqual(['node_modules/b', 'node_modules/d'])
  })
})
