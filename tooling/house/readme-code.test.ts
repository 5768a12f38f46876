import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { succeed, TSC } from './command.ts'
import { freePort } from './free-port.ts'
import { split } from './markdown.ts'
import { type ReadmeCode, readmeCode, startServer, stopServer } from './readme-code.ts'
import { ROOT, read } from './workspace.ts'

/** Inside the repository, so that `@framewire/*` resolves to the built packages; ignored by git. */
const FOLDER = join(ROOT, 'tooling/.cache/readme')

/** Compiles the programs strictly, runs the client against the server and returns what the client printed. */
async function clientOutput({ contract = 'export {}', server, client }: Partial<ReadmeCode>): Promise<string> {
  if (server === undefined || client === undefined) throw new TypeError('a server and a client are needed')
  writeFileSync(join(FOLDER, 'contract.ts'), contract)
  writeFileSync(join(FOLDER, 'server.ts'), server)
  writeFileSync(join(FOLDER, 'client.ts'), client)
  await succeed(TSC, ['-p', FOLDER])
  const running = await startServer(join(FOLDER, 'dist/server.js'))
  try {
    return await succeed(process.execPath, [join(FOLDER, 'dist/client.js')])
  } finally {
    await stopServer(running)
  }
}

beforeAll(() => {
  rmSync(FOLDER, { recursive: true, force: true })
  mkdirSync(FOLDER, { recursive: true })
  const extended = join(ROOT, 'tsconfig.base.json')
  const compilerOptions = { composite: false, declaration: false, isolatedDeclarations: false, noEmitOnError: true }
  const files = ['server.ts', 'client.ts']
  const config = { extends: extended, compilerOptions: { ...compilerOptions, rootDir: '.', outDir: 'dist' }, files }
  writeFileSync(join(FOLDER, 'tsconfig.json'), JSON.stringify(config))
})
afterAll(() => rmSync(FOLDER, { recursive: true, force: true }))

test('the server and client of README.md compile, run and print what it says', async () => {
  const code = readmeCode(read('README.md'))
  expect(await clientOutput(code)).toBe(code.output)
})

test('the echo of README.md echoes', async () => {
  const [block] = split(read('README.md')).blocks.filter(({ text }) =>
    /^import .* from '@framewire\/transport'/.test(text),
  )
  const port = String(await freePort())
  const server = `${block?.text.replace('8124', port)}console.log('listening')\n`
  const client = [
    "import { connect } from '@framewire/transport'",
    `const connection = await connect('tcp://127.0.0.1:${port}')`,
    "for (const word of ['one', 'two']) connection.send(Buffer.from(word))",
    'const closed = connection.close()',
    'for await (const message of connection) console.log(Buffer.from(message).toString())',
    'await closed',
  ]
  expect(await clientOutput({ server, client: client.join('\n') })).toBe('one\ntwo\n')
})

describe('the check', () => {
  const fence = (language: string, text: string) => `\`\`\`${language}\n${text}\n\`\`\`\n`
  const listening = "console.log('listening')\nsetInterval(() => {}, 1000)\n"

  test('reads the four blocks', () => {
    const markdown = [
      fence('sh', 'npm start'),
      fence('ts', '// contract.ts\nagree()'),
      fence('ts', '// server.ts\nserve()'),
      fence('ts', '// client.ts\ncall()'),
      'which prints\n',
      fence('text', 'hello'),
      fence('text', 'other'),
    ].join('\n')
    const contract = '// contract.ts\nagree()\n'
    const server = '// server.ts\nserve()\n'
    expect(readmeCode(markdown)).toEqual({ contract, server, client: '// client.ts\ncall()\n', output: 'hello\n' })
  })

  test('misses a block that is not there', () => {
    const client = fence('ts', '// client.ts\ncall()')
    expect(() => readmeCode(fence('ts', '// server.ts'))).toThrow('"// client.ts"')
    expect(() => readmeCode(client + fence('sh', 'x') + fence('text', 'x'))).toThrow('no text block follows')
    expect(() => readmeCode(client + fence('text', 'x'))).toThrow('"// contract.ts"')
    const agreed = fence('ts', '// contract.ts\n')
    expect(() => readmeCode(agreed + client + fence('text', 'x'))).toThrow('"// server.ts"')
  })

  test('hands back what the client printed, which is then compared', async () => {
    expect(await clientOutput({ server: listening, client: "console.log('hello')\n" })).toBe('hello\n')
  })

  test('fails for a wrong type, a server that ends and a client that fails', async () => {
    const wrong = "import { nothing } from '@framewire/codec'\nnothing()\n"
    await expect(clientOutput({ server: listening, client: wrong })).rejects.toThrow('TS2305')
    await expect(clientOutput({ server: "throw new Error('no port')\n", client: '\n' })).rejects.toThrow('no port')
    await expect(clientOutput({ server: listening, client: 'process.exit(3)\n' })).rejects.toThrow('ended with 3')
  })

  test('does not wait for ever for a server that prints nothing', async () => {
    const silent = join(FOLDER, 'silent.js')
    writeFileSync(silent, 'setInterval(() => {}, 1000)\n')
    await expect(startServer(silent, 200)).rejects.toThrow('without printing a line')
  })
})
