import { execFile } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'

const ROOT = fileURLToPath(new URL('..', import.meta.url))
const CACHE = join(ROOT, '.cache')
const TSC = fileURLToPath(new URL('../../../node_modules/typescript/bin/tsc', import.meta.url))

/** A contract of so many methods, its handlers, and a call of each. */
function sourceOf(count: number): string {
  const index = Array.from({ length: count }, (_, at) => at)
  const errors = `errors: { GONE: { code: 'NOT_FOUND', details: type<{ id: number }>() } }`
  const method = (at: number) =>
    [
      `m${at}: unary({ input: type<{ id: ${at} }>(), output: type<{ at: ${at}; name: string }>(), ${errors} }),`,
      `m${at}: serverStream<{ id: ${at} }, { at: ${at} }>(),`,
      `m${at}: clientStream<{ id: ${at} }, { at: ${at} }>(),`,
      `m${at}: bidi<{ id: ${at} }, { at: ${at} }>(),`,
    ][at % 4]
  const handler = (at: number) =>
    [
      `m${at}: ({ id }) => ({ at: id, name: '' }),`,
      `async *m${at}({ id }) { yield { at: id } },`,
      `async m${at}(all) { for await (const { id } of all) return { at: id }; throw new Error() },`,
      `async *m${at}(all) { for await (const { id } of all) yield { at: id } },`,
    ][at % 4]
  const call = (at: number) => `  void api.m${at}(${at % 4 < 2 ? `{ id: ${at} }` : `[{ id: ${at} }]`})`
  return `
import { bidi, type ClientOf, clientStream, contract, implement, serverStream, type, unary } from '../../src/index.ts'
const big = contract('big', {
${index.map(method).join('\n')}
})
export const service = implement(big, {
${index.map(handler).join('\n')}
})
export function callAll(api: ClientOf<typeof big>): void {
${index.map(call).join('\n')}
}
`
}

/** What checking a file costs, by the compiler's own measure of work. */
async function instantiations(count: number): Promise<number> {
  // Not among the sources: whoever looks for files that nobody uses would find it.
  mkdirSync(CACHE, { recursive: true })
  const folder = mkdtempSync(join(CACHE, 'contract-'))
  try {
    writeFileSync(join(folder, 'contract.ts'), sourceOf(count))
    const config = { extends: '../../tsconfig.test.json', include: ['contract.ts'] }
    writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(config))
    const { stdout } = await promisify(execFile)(process.execPath, [TSC, '-p', folder, '--extendedDiagnostics'])
    return Number(/^Instantiations:\s+(\d+)/m.exec(stdout)?.[1])
  } finally {
    rmSync(folder, { recursive: true })
  }
}

test('a contract of 200 methods costs the compiler a few hundred steps a method, and no more for each of 400', async () => {
  const [none, small, large] = [await instantiations(4), await instantiations(200), await instantiations(400)]
  expect((small - none) / 196).toBeLessThan(1_000)
  expect((large - none) / 396).toBeLessThan((1.2 * (small - none)) / 196)
})
