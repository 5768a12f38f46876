// A new user's first ten minutes: an empty folder, the packed packages, and docs/getting-started.md word by word.
import { mkdirSync, symlinkSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { afterAll, expect, onTestFinished, test } from 'vitest'
import { run } from './command.ts'
import { freePort } from './free-port.ts'
import { type Step, save, steps, Terminal } from './getting-started.ts'
import { packAll, TemporaryFolder } from './tarballs.ts'
import { ROOT, read } from './workspace.ts'

/** With ports that are free here in place of the two that the page takes. */
const PAGE = read('docs/getting-started.md')
  .replaceAll('7001', String(await freePort()))
  .replaceAll('7002', String(await freePort()))
const home = new TemporaryFolder()
afterAll(() => home.remove())

/** What comes from the registry is taken from this repository: the packages packed, the compiler linked. */
async function install(folder: string): Promise<void> {
  const tarballs = Object.values(await packAll(home.path)).map(({ path }) => path)
  const flags = ['--offline', '--no-audit', '--no-fund']
  const { code, stderr } = await run('npm', ['install', ...flags, ...tarballs], folder)
  expect([code, stderr.split('\n').filter((line) => /ERR/.test(line))]).toEqual([0, []])
  for (const name of ['typescript', '@types/node', '.bin/tsc']) {
    const link = join(folder, 'node_modules', name)
    mkdirSync(dirname(link), { recursive: true })
    symlinkSync(join(ROOT, 'node_modules', name), link)
  }
}

const shell = (commands: string, folder: string) => run('sh', ['-ec', commands], folder)

async function output(commands: string, folder: string): Promise<string> {
  const { code, stdout, stderr } = await shell(commands, folder)
  if (code !== 0) throw new Error(`${commands} ended with ${code}\n${stdout}${stderr}`)
  return stdout
}

test('the page leads from an empty folder to two services that talk', async () => {
  const todo = steps(PAGE)
  const next = <K extends Step['kind']>(kind: K): Extract<Step, { kind: K }> => {
    const step = todo.shift()
    if (step?.kind !== kind) throw new Error(`the page has ${JSON.stringify(step)} where ${kind} was expected`)
    return step as Extract<Step, { kind: K }>
  }
  const saveFiles = () => {
    while (todo[0]?.kind === 'file') save(folder, next('file'))
  }
  const start = async () => {
    const { commands, printed } = next('start')
    const terminal = new Terminal(commands, folder)
    onTestFinished(() => void terminal.child.kill('SIGKILL'))
    await terminal.prints(printed)
    return terminal
  }
  const runs = async () => {
    const { commands, printed = '' } = next('run')
    expect(await output(commands, folder)).toBe(printed)
  }

  // 1. An empty folder
  const folder = join(home.path, 'first-services')
  const lines = next('run').commands.trimEnd().split('\n')
  expect(lines.slice(0, 1)).toEqual(['mkdir first-services && cd first-services'])
  expect(lines.slice(3)).toEqual(['npm install @framewire/rpc', 'npm install --save-dev typescript @types/node'])
  mkdirSync(folder)
  await output(lines.slice(1, 3).join('\n'), folder)
  await install(folder)
  saveFiles()

  // 2. to 4. A service and a call
  const names = await start()
  saveFiles()
  await runs()
  saveFiles()

  // 5. The second service
  const greeter = await start()
  await runs()
  await names.prints(next('printed').printed)

  // 6. A mistake
  const [, wrong = '', right = ''] = /In `hello\.ts` write `(.+?)` in place of `(.+?)`/.exec(PAGE) ?? []
  const [, hello = ''] = /```ts\n(\/\/ hello\.ts\n[\s\S]*?)```/.exec(PAGE) ?? []
  save(folder, { name: 'hello.ts', text: hello.replace(right, wrong) })
  const { commands, printed = '' } = next('run')
  const mistake = await shell(commands, folder)
  expect(mistake.code).not.toBe(0)
  expect(mistake.stdout).toContain(printed.trim())
  save(folder, { name: 'hello.ts', text: hello })
  await output(commands, folder)

  // 7. A service that goes away, and comes back
  expect(PAGE).toContain('Press Ctrl-C in the first terminal')
  expect([await names.interrupt(), names.errors]).toEqual([0, ''])
  await runs()
  const again = await start()
  const back = next('run')
  const until = Date.now() + 40_000
  let greetings = ''
  while (greetings !== back.printed && Date.now() < until) greetings = await output(back.commands, folder)
  expect(greetings).toBe(back.printed)
  expect([await greeter.interrupt(), greeter.errors]).toEqual([0, ''])
  expect([await again.interrupt(), again.errors]).toEqual([0, ''])

  // 8. What lies beneath
  expect(next('run').commands).toBe('npm install @framewire/transport @framewire/codec\n')
  saveFiles()
  await runs()
  expect(todo).toEqual([])
})
