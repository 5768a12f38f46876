import { describe, expect, test } from 'vitest'
import { fileOrder, importViolations, orderViolations } from './import-order.ts'
import { PACKAGES, read, sources } from './workspace.ts'

describe.each(PACKAGES)('packages/%s', (name) => {
  test('ARCHITECTURE.md lists every file of src and no other', () => {
    expect(orderViolations(fileOrder(read('ARCHITECTURE.md'), name), sources(name))).toEqual([])
  })

  test('a file imports only files and packages below it', () => {
    const order = fileOrder(read('ARCHITECTURE.md'), name)
    const violations = sources(name).flatMap((file) => {
      return importViolations(name, file, read(`packages/${name}/src/${file}`), order)
    })
    expect(violations).toEqual([])
  })
})

describe('the check', () => {
  const order = ['index.ts', 'frame.ts', 'bytes.ts']
  const faults = (text: string, file = 'frame.ts', name: 'codec' | 'transport' = 'codec') => {
    return importViolations(name, file, text, order)
  }

  test('reads the list of one section', () => {
    const text =
      '### packages/codec\n\n- `index.ts` — exports\n- `frame.ts`, `bytes.ts` — frames, `a.ts`\n\n### packages/rpc\n\n- `call.ts`\n'
    expect(fileOrder(text, 'codec')).toEqual(['index.ts', 'frame.ts', 'bytes.ts'])
    expect(fileOrder(text, 'rpc')).toEqual(['call.ts'])
    expect(() => fileOrder(text, 'transport')).toThrow('no section')
  })

  test('finds files that are missing, unlisted or listed twice', () => {
    expect(orderViolations(['frame.ts', 'frame.ts', 'gone.ts'], ['frame.ts', 'new.ts'])).toEqual([
      'index.ts is not listed first',
      'gone.ts is listed but does not exist',
      'new.ts is not listed',
      'frame.ts is listed twice',
    ])
  })

  test.each([
    ["import { a } from './index.ts'", 'it does not stand below'],
    ["import type { A } from './frame.ts'", 'it does not stand below'],
    ["export { a } from './index.ts'", 'it does not stand below'],
    ["export * from './index.ts'", 'it does not stand below'],
    ["const a = await import('./index.ts')", 'it does not stand below'],
    ["let a: import('./index.ts').A", 'it does not stand below'],
    ["import './bytes'", 'not a file that ARCHITECTURE.md lists'],
    ["import './deep/bytes.ts'", 'src is flat'],
    ["import { a } from '../../rpc/src/call.ts'", 'src is flat'],
    ["import { a } from '@framewire/codec'", 'not a package below codec'],
    ["import { a } from '@framewire/transport/testing'", 'not a package below codec'],
    ["import { a } from 'node:net'", 'nothing of Node'],
    ["import { a } from 'buffer'", 'nothing of Node'],
  ])('refuses %s', (text, fault) => {
    expect(faults(text)).toEqual([expect.stringContaining(fault)])
  })

  test('lets imports point downwards', () => {
    expect(faults("import { a } from './bytes.ts'\nimport fc from 'fast-check'")).toEqual([])
    expect(faults("import { a } from '@framewire/codec'\nimport 'node:net'", 'frame.ts', 'transport')).toEqual([])
  })
})
