// The programs in guides and READMEs. Each runs as it stands there, as a process of its own, on the built packages: what
// a reader would get who copies it. It passes when it ends by itself, so nothing that it opened stays behind.

import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { within } from '@framewire/testkit'
import { expect, onTestFinished } from 'vitest'
import { type Run, runCommand } from './processes.ts'

const ROOT = new URL('../../../', import.meta.url)

/** A file of this repository, by its path from the root. */
export function guide(path: string): string {
  return readFileSync(fileURLToPath(new URL(path, ROOT)), 'utf8')
}

/** The code of the fenced blocks in that language. */
export function blocks(markdown: string, language: string): string[] {
  const found = [...markdown.matchAll(/^```(\w+)\n([\s\S]*?)^```$/gm)]
  return found.filter((match) => match[1] === language).map((match) => match[2] as string)
}

/** The one block that begins with `// name`. */
export function programOf(markdown: string, name: string): string {
  const found = blocks(markdown, 'js').filter((code) => code.startsWith(`// ${name}\n`))
  if (found.length !== 1) throw new Error(`${found.length} blocks begin with "// ${name}"`)
  return found[0] as string
}

/** Starts a program. It finds `@framewire/*` as an installed package would be found. */
export function startProgram(code: string, args: readonly string[] = []): Run {
  const folder = mkdtempSync(join(tmpdir(), 'framewire-guide-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  symlinkSync(fileURLToPath(new URL('node_modules', ROOT)), join(folder, 'node_modules'))
  const file = join(folder, 'program.mjs')
  writeFileSync(file, code)
  return runCommand([process.execPath, file, ...args])
}

/** What a program prints, to its end, which must come by itself and be a good one. */
export async function outputOf(code: string, args: readonly string[] = []): Promise<string[]> {
  return finish(startProgram(code, args))
}

/** What a program that was started prints from now on, to its good end. */
export async function finish(program: Run): Promise<string[]> {
  const printed = await program.rest()
  expect(await within('the end of the program', program.over)).toEqual([0, null])
  return printed
}
