// The order of files: ARCHITECTURE.md lists each package from index.ts down, and a file imports only what stands below
// it there. That one rule forbids cycles, of types too, and importing the own index.ts.
import { isBuiltin } from 'node:module'
import { importsOf } from './syntax.ts'
import { PACKAGES, type PackageName } from './workspace.ts'

/** The files under the heading `### packages/NAME`: lines that begin with "- `file.ts`" or "- `a.ts`, `b.ts`", highest first. */
export function fileOrder(architecture: string, name: PackageName): string[] {
  const lines = architecture.split('\n')
  const heading = lines.indexOf(`### packages/${name}`)
  if (heading === -1) throw new Error(`ARCHITECTURE.md has no section "### packages/${name}"`)
  const next = lines.findIndex((line, index) => index > heading && line.startsWith('#'))
  const section = lines.slice(heading + 1, next === -1 ? lines.length : next)
  const lists = section.flatMap((line) => /^- ((?:`[\w.-]+\.ts`(?:, )?)+)/.exec(line)?.[1] ?? [])
  return lists.flatMap((list) => list.split(', ').map((name) => name.replaceAll('`', '')))
}

/** Differences between the listed order and the files that are there. */
export function orderViolations(order: readonly string[], files: readonly string[]): string[] {
  const violations = order[0] === 'index.ts' ? [] : ['index.ts is not listed first']
  const missing = order.filter((file) => !files.includes(file)).map((file) => `${file} is listed but does not exist`)
  const unlisted = files.filter((file) => !order.includes(file)).map((file) => `${file} is not listed`)
  const twice = order.filter((file, index) => order.indexOf(file) !== index).map((file) => `${file} is listed twice`)
  return [...violations, ...missing, ...unlisted, ...twice]
}

/** The imports of one file that do not point downwards. */
export function importViolations(name: PackageName, file: string, text: string, order: readonly string[]): string[] {
  return importsOf(text).flatMap(({ specifier, line }) => {
    const fault = specifier.startsWith('.') ? relativeFault(file, specifier, order) : outsideFault(name, specifier)
    return fault === undefined ? [] : [`packages/${name}/src/${file}:${line} imports ${specifier}: ${fault}`]
  })
}

function relativeFault(file: string, specifier: string, order: readonly string[]): string | undefined {
  const target = /^\.\/([\w.-]+)$/.exec(specifier)?.[1]
  if (target === undefined) return 'src is flat, nothing outside it is reached by a path'
  if (!order.includes(target)) return 'not a file that ARCHITECTURE.md lists'
  return order.indexOf(target) > order.indexOf(file) ? undefined : 'it does not stand below in ARCHITECTURE.md'
}

function outsideFault(name: PackageName, specifier: string): string | undefined {
  if (isBuiltin(specifier)) return name === 'codec' ? 'codec runs anywhere, so nothing of Node' : undefined
  const target = /^@framewire\/([\w-]+)/.exec(specifier)?.[1]
  if (target === undefined) return undefined
  const place = (PACKAGES as readonly string[]).indexOf(target)
  return place !== -1 && place < PACKAGES.indexOf(name) ? undefined : `not a package below ${name}`
}
