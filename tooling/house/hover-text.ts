// What an editor shows over a name that is imported: the TSDoc of its declaration. It is looked up from an entry through
// re-exports, so that a name counts as exported where a user finds it, and its text where it is written.
import type { Comment, Directive, Statement } from 'oxc-parser'
import { parse } from './syntax.ts'

/** The text of a source file of one package, by its name. */
export type Sources = (file: string) => string

type Declared = Directive | Statement

/** The exported names of an entry without hover text, and their public members without, as `Name` and `Name.member`. */
export function withoutHoverText(entry: string, sources: Sources): string[] {
  return parse(sources(entry)).module.staticExports.flatMap(({ entries }) =>
    entries.flatMap(({ moduleRequest, importName, exportName }) => {
      const from = moduleRequest?.value
      if (from === undefined) throw new Error(`${entry} exports ${exportName.name} by itself`)
      return withoutText(String(importName.name), from.replace('./', ''), sources)
    }),
  )
}

function withoutText(name: string, file: string, sources: Sources): string[] {
  // Another package, which has a check of its own.
  if (file.startsWith('@')) return []
  const { program, module, comments } = parse(sources(file))
  for (const { entries } of module.staticExports) {
    const passedOn = entries.find(({ exportName, moduleRequest }) => moduleRequest && exportName.name === name)
    if (passedOn) return withoutText(name, String(passedOn.moduleRequest?.value).replace('./', ''), sources)
  }
  const isTold = (start: number) => hasText(start, sources(file), comments)
  const statement = program.body.find((each) => nameOf(each) === name)
  if (statement === undefined) throw new Error(`${file} does not declare ${name}`)
  return [
    ...(isTold(statement.start) ? [] : [name]),
    ...members(statement, isTold).map((member) => `${name}.${member}`),
  ]
}

function nameOf(statement: Declared): string | undefined {
  if (statement.type !== 'ExportNamedDeclaration' || statement.declaration === null) return undefined
  const { declaration } = statement
  if (declaration.type === 'VariableDeclaration') {
    const id = declaration.declarations[0]?.id
    return id?.type === 'Identifier' ? id.name : undefined
  }
  return 'id' in declaration && declaration.id?.type === 'Identifier' ? declaration.id.name : undefined
}

/** The public members of an interface or class that have no text. What a class overrides has one where it comes from. */
function members(statement: Declared, isTold: (start: number) => boolean): string[] {
  if (statement.type !== 'ExportNamedDeclaration' || statement.declaration === null) return []
  const { declaration } = statement
  if (declaration.type !== 'TSInterfaceDeclaration' && declaration.type !== 'ClassDeclaration') return []
  return declaration.body.body.flatMap((member) => {
    if (!('key' in member) || member.key.type !== 'Identifier' || ('override' in member && member.override)) return []
    const { name } = member.key
    return name === 'constructor' || isTold(member.start) ? [] : [name]
  })
}

/** Whether a TSDoc comment ends where `start` begins; a line comment between hides it from nobody. */
function hasText(start: number, text: string, comments: readonly Comment[]): boolean {
  return comments.some(({ type, value, end }) => {
    return (
      type === 'Block' &&
      value.startsWith('*') &&
      end <= start &&
      text
        .slice(end, start)
        .replace(/^\s*\/\/.*$/gm, '')
        .trim() === ''
    )
  })
}
