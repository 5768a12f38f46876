// The mistakes that people make most with a contract, and what the compiler says of them: one message each, that names what
// is wrong where it is wrong, and none of the types from which ours are derived.
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { run, TSC } from './command.ts'
import { ROOT } from './workspace.ts'

/** Inside the repository, so that `@framewire/*` resolves to the built packages; ignored by git. */
const FOLDER = join(ROOT, 'tooling/.cache/messages')

/** Types that a reader of the documentation never meets. */
const INNER = /\b(Method|Plain|Validated|Shape|Passes|Gets|Takes|Returns|KindOf|\w+(Input|Output|Of))<|infer /
/** In characters. TypeScript cuts a type off at 160 or a little more; a message has two at most. */
const LONGEST = 550

const CONTRACT = `import { bidi, clientStream, contract, serverStream, type, unary } from '@framewire/rpc'
export interface User { id: number; name: string }
export const users = contract('users', {
  get: unary({
    input: type<{ id: number }>(),
    output: type<User>(),
    errors: { USER_NOT_FOUND: { code: 'NOT_FOUND', details: type<{ id: number }>() } },
  }),
  list: unary<{ limit: number }, User[]>(),
  watch: serverStream<{ since: number }, User>(),
  upload: clientStream<Uint8Array, { bytes: number }>(),
  chat: bidi<string, string>(),
})
`
const IMPORTS = `import { connect, implement, isError } from '@framewire/rpc'
import { users } from './contract.ts'
const api = (await connect('tcp://127.0.0.1:7000')).client(users)
const others = { list: () => [], watch: async function* () {}, upload: () => ({ bytes: 1 }), async *chat() {} }
console.log(api, others, implement, isError)
`

/** The name of a mistake, the code with the mistake, what the compiler says. */
const MISTAKES: readonly [name: string, code: string, message: RegExp][] = [
  ['a wrong input type', "await api.get({ id: '1' })", /^TS2322: Type 'string' is not assignable to type 'number'\.$/],
  [
    'a wrong name in the input',
    'await api.get({ nid: 1 })',
    /^TS2353: .* 'nid' does not exist in type '\{ id: number; \}'\.$/,
  ],
  ['no input', 'await api.get()', /^TS2554: Expected 1-2 arguments, but got 0\.$/],
  [
    'an unknown method',
    'await api.drop({ id: 1 })',
    /^TS2339: Property 'drop' does not exist on type '\{ readonly get: \(input: \{ id: number; \}, .*=> Promise<User>;/,
  ],
  ['a method that is almost right', 'api.uplaod([])', /^TS2551: Property 'uplaod' .* Did you mean 'upload'\?$/],
  [
    'a missing handler',
    'implement(users, others)',
    /^TS2741: Property 'get' is missing in type .* required in type '\{ readonly get: \(input: \{ id: number; \}, ctx: /,
  ],
  [
    'wrong error details',
    "implement(users, { ...others, get(_, ctx) { throw ctx.error('USER_NOT_FOUND', { nid: 1 }) } })",
    /^TS2353: .* 'nid' does not exist in type '\{ id: number; \}'\.$/,
  ],
  [
    'an error that the contract does not list',
    "implement(users, { ...others, get(_, ctx) { throw ctx.error('GONE', { id: 1 }) } })",
    /^TS2345: Argument of type '"GONE"' is not assignable to parameter of type '"USER_NOT_FOUND"'\.$/,
  ],
  [
    'wrong details of an error that was caught',
    "const error: unknown = 0\nif (isError(error, users.methods.get, 'USER_NOT_FOUND')) console.log(error.details.name)",
    /^TS2339: Property 'name' does not exist on type '\{ id: number; \}'\.$/,
  ],
  [
    'a forgotten await',
    'console.log(api.get({ id: 1 }).name)',
    /^TS2339: Property 'name' does not exist on type 'Promise<User>'\.$/,
  ],
  [
    'a forgotten await in a loop',
    'for (const user of api.watch({ since: 1 })) console.log(user)',
    /^TS2488: Type 'MessageStream<User>' must have a '\[Symbol\.iterator\]\(\)' method/,
  ],
]

const fileOf = (name: string) => `${name.replaceAll(' ', '-')}.ts`

/** What the compiler says of each file: messages without their places, further lines of one message left out. */
async function messagesOf(files: Readonly<Record<string, string>>): Promise<Map<string, string[]>> {
  for (const [file, text] of Object.entries(files)) writeFileSync(join(FOLDER, file), text)
  const compilerOptions = { composite: false, declaration: false, isolatedDeclarations: false, noEmit: true }
  const config = {
    extends: join(ROOT, 'tsconfig.base.json'),
    compilerOptions: { ...compilerOptions, allowImportingTsExtensions: true },
  }
  writeFileSync(join(FOLDER, 'tsconfig.json'), JSON.stringify({ ...config, files: Object.keys(files) }))
  const { stdout } = await run(TSC, ['-p', FOLDER, '--pretty', 'false'], FOLDER)
  const messages = new Map<string, string[]>()
  for (const [, file, message] of stdout.matchAll(/^(\S+\.ts)\(\d+,\d+\): error (.*)$/gm)) {
    messages.set(String(file), [...(messages.get(String(file)) ?? []), String(message)])
  }
  return messages
}

let messages: Map<string, string[]>
beforeAll(async () => {
  rmSync(FOLDER, { recursive: true, force: true })
  mkdirSync(FOLDER, { recursive: true })
  const mistakes = MISTAKES.map(([name, code]) => [fileOf(name), `${IMPORTS}${code}\n`])
  const right =
    'console.log(await api.get({ id: 1 }), implement(users, { ...others, get: () => ({ id: 1, name: "" }) }))\n'
  messages = await messagesOf({ 'contract.ts': CONTRACT, 'right.ts': IMPORTS + right, ...Object.fromEntries(mistakes) })
})
afterAll(() => rmSync(FOLDER, { recursive: true, force: true }))

test.each(MISTAKES)('%s: one message, that says what is wrong in words of the contract', (name, _, message) => {
  const found = messages.get(fileOf(name)) ?? []
  expect(found).toEqual([expect.stringMatching(message)])
  expect(found[0]).not.toMatch(INNER)
  expect(found[0]?.length).toBeLessThanOrEqual(LONGEST)
})

describe('the check', () => {
  test('hears nothing of what is right', () => {
    expect(messages.get('right.ts') ?? []).toEqual([])
    expect(messages.get('contract.ts') ?? []).toEqual([])
  })

  test('would see the types from which ours are derived', () => {
    expect("Client<{ readonly get: Method<'unary', Plain<{ id: number; }>, Plain<User>>; }>").toMatch(INNER)
    expect("'Promise<User>', 'MessageStream<User>', 'Ctx<NoErrors>'").not.toMatch(INNER)
  })
})
