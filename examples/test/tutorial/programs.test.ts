// The list of the programs, its file and its README: what one of them has the others have.
import { readdirSync, readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { PROGRAMS } from '../../tutorial/programs.ts'
import { output, README, TutorialProgram } from './tutorial-program.ts'

const FOLDER = new URL('../../tutorial/', import.meta.url)
const FRONT = readFileSync(new URL('../../../README.md', import.meta.url), 'utf8')
/** Files that belong to a program, and are none. */
const PARTS = ['echo-contract', 'echo-process', 'main', 'programs']

test('twelve programs, a to l, each with a file of its name', () => {
  expect(PROGRAMS.map(({ letter }) => letter).join('')).toBe('abcdefghijkl')
  const files = readdirSync(FOLDER).flatMap((file) => /^(.*)\.ts$/.exec(file)?.[1] ?? [])
  expect([...PROGRAMS.map(({ name }) => name), ...PARTS].sort()).toEqual(files.sort())
})

test('the list says what each shows and how it is run', async () => {
  const list = await output()
  for (const { letter, name, shows } of PROGRAMS) {
    expect(list).toContain(`${letter}. ${shows}\n   npm run example -- ${name}`)
  }
})

test('a name that is not in the list is told, with the list', async () => {
  const program = new TutorialProgram('ecko-server')
  expect(await program.ended()).toBe(2)
  expect(program.output).toContain('there is no program "ecko-server"')
  expect(program.output).toContain('npm run example -- echo-server')
})

test('a letter will do', async () => {
  expect(await output('d')).toContain('the client gets: three is done')
})

test('the README has a section for each, in the same order, and a command that starts with its name', () => {
  const sections = README.split(/^## /m).slice(1)
  expect(sections.map((section) => section.split('\n')[0])).toEqual(
    PROGRAMS.map(({ letter, name }) => `${letter}. ${name}`),
  )
  for (const [index, { name }] of PROGRAMS.entries()) {
    const [command] = /(?<=```sh\n).*/.exec(sections[index] ?? '') ?? []
    expect(command).toBe(`npm run example -- ${name}`)
  }
})

test('every command of both READMEs names a program, and gives it no more arguments than it takes', () => {
  const commands = (README + FRONT).match(/npm run (-s )?example -- .*/g) ?? []
  expect(commands.length).toBeGreaterThan(PROGRAMS.length)
  for (const command of commands) {
    const [name, ...args] = command.replace(/.*-- |\s+[#<].*/g, '').split(' ')
    const program = PROGRAMS.find((each) => each.name === name)
    expect(program, command).toBeDefined()
    const takes = program?.args?.includes('...')
      ? Number.POSITIVE_INFINITY
      : (program?.args?.match(/\w+/g)?.length ?? 0)
    expect(args.length, command).toBeLessThanOrEqual(takes)
  }
})
