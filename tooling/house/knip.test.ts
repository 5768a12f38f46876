import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { type Outcome, run } from './command.ts'
import { TemporaryFolder } from './tarballs.ts'
import { ROOT } from './workspace.ts'

const folder = new TemporaryFolder()
afterAll(() => folder.remove())

function knip(directory: string): Promise<Outcome> {
  const config = join(ROOT, 'knip.json')
  return run(join(ROOT, 'node_modules/.bin/knip'), ['--no-progress', '--config', config, '--directory', directory])
}

test('no file, export or dependency is unused, and none is undeclared', async () => {
  const { code, stdout, stderr } = await knip(ROOT)
  expect(code, stdout + stderr).toBe(0)
})

test('the check finds a file, an export and a dependency that nobody uses', async () => {
  const source = join(folder.path, 'packages/codec/src')
  mkdirSync(source, { recursive: true })
  const write = (file: string, text: string) => writeFileSync(join(folder.path, file), text)
  const dependencies = { 'left-over': '1.0.0' }
  write('package.json', JSON.stringify({ private: true, workspaces: ['packages/*'] }))
  write('packages/codec/package.json', JSON.stringify({ name: 'codec', exports: './src/index.ts', dependencies }))
  write('packages/codec/src/index.ts', "export { used } from './used.ts'\n")
  write('packages/codec/src/used.ts', "import 'undeclared'\nexport const used = 1\nexport const unused = 2\n")
  write('packages/codec/src/orphan.ts', 'export const orphan = 1\n')
  const { code, stdout } = await knip(folder.path)
  expect(code).toBe(1)
  for (const name of ['left-over', 'undeclared', 'unused', 'packages/codec/src/orphan.ts']) {
    expect(stdout).toContain(name)
  }
})
