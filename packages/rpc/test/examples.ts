// The code blocks of our documents, run as they stand there, on the sources.

import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { inspect } from 'node:util'
import { within } from '@framewire/testkit'
import { onTestFinished, vi } from 'vitest'

/** Inside the package, so that its devDependencies are found; ignored by git. */
const CACHE = fileURLToPath(new URL('../.cache', import.meta.url))

/** A document of this repository, by its path from here. */
export function read(path: string): string {
  return readFileSync(new URL(path, import.meta.url), 'utf8')
}

/** The texts of the blocks in that language. */
export function blocks(markdown: string, language: string): string[] {
  const all = Array.from(markdown.matchAll(/^```(\w+)\n(.*?)^```$/gms), ([, name, text]) => ({ name, text }))
  return all.filter(({ name }) => name === language).map(({ text }) => text as string)
}

/** Runs a program as a module and returns what it printed. */
export async function printedBy(program: string): Promise<string> {
  mkdirSync(CACHE, { recursive: true })
  const folder = mkdtempSync(join(CACHE, 'example-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  const printed: string[] = []
  const log = vi.spyOn(console, 'log').mockImplementation((...values: unknown[]) => {
    printed.push(`${values.map((value) => (typeof value === 'string' ? value : inspect(value))).join(' ')}\n`)
  })
  onTestFinished(() => log.mockRestore())
  const file = join(folder, 'example.ts')
  writeFileSync(file, program)
  await within('the end of the example', import(file), 25_000)
  return printed.join('')
}
