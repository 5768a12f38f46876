// What an entry of a package offers, for its page of the reference: each exported name, looked up through re-exports to where
// it is declared, with its text and its declaration without bodies, private parts and what is not told to users.
import type { Class, Comment, Directive, Statement, TSInterfaceDeclaration } from 'oxc-parser'
import type { Sources } from './hover-text.ts'
import { parse } from './syntax.ts'

export interface Declaration {
  name: string
  kind: 'function' | 'class' | 'interface' | 'type' | 'const'
  /** The source file it is declared in. */
  file: string
  /** TSDoc without its stars. */
  text: string
  /** As TypeScript, one signature a line; of classes and interfaces the head alone. */
  signature: string
  members: Member[]
}

export interface Member {
  name: string
  signature: string
  text: string
}

/** A name that another package declares and this one passes on. */
export interface Elsewhere {
  name: string
  from: string
}

interface Source {
  file: string
  text: string
  body: (Directive | Statement)[]
  comments: readonly Comment[]
}

/** The names of an entry in the order of the alphabet. */
export function declarations(entry: string, sources: Sources): (Declaration | Elsewhere)[] {
  const found = parse(sources(entry)).module.staticExports.flatMap(({ entries }) =>
    entries.map(({ moduleRequest, importName }) => {
      return lookUp(String(importName.name), String(moduleRequest?.value), sources)
    }),
  )
  return found.toSorted((a, b) => (a.name < b.name ? -1 : 1))
}

function lookUp(name: string, specifier: string, sources: Sources): Declaration | Elsewhere {
  if (specifier.startsWith('@')) return { name, from: specifier }
  const file = specifier.replace('./', '')
  const text = sources(file)
  const { program, module, comments } = parse(text)
  for (const { entries } of module.staticExports) {
    const passedOn = entries.find(({ exportName, moduleRequest }) => moduleRequest && exportName.name === name)
    if (passedOn) return lookUp(name, String(passedOn.moduleRequest?.value), sources)
  }
  return declare(name, { file, text, body: program.body, comments })
}

function declare(name: string, source: Source): Declaration {
  const found = source.body.filter((statement) => nameOf(statement) === name)
  const [first] = found
  if (first?.type !== 'ExportNamedDeclaration' || !first.declaration) {
    throw new Error(`${source.file} does not declare ${name}`)
  }
  const rest = { name, file: source.file, text: told(first.start, source) }
  const { declaration } = first
  switch (declaration.type) {
    case 'ClassDeclaration':
    case 'TSInterfaceDeclaration': {
      const kind = declaration.type === 'ClassDeclaration' ? 'class' : 'interface'
      const signature = tidy(source.text.slice(declaration.start, declaration.body.start))
      return { ...rest, kind, signature, members: members(declaration, source) }
    }
    case 'TSTypeAliasDeclaration':
      return { ...rest, kind: 'type', signature: layOut(declaration, source), members: [] }
    case 'VariableDeclaration':
      return { ...rest, kind: 'const', signature: constant(declaration, source), members: [] }
    default: {
      // Of several signatures of a function the last is its implementation, which nobody can call by itself.
      const overloads = found.filter((each) => declarationOf(each)?.type === 'TSDeclareFunction')
      const shown = overloads.length > 0 ? overloads : found
      const signature = shown.map((each) => withoutBody(declarationOf(each) as Bodied, source)).join('\n')
      const texts = shown.map((each) => told(each.start, source)).filter((text) => text !== '')
      return { ...rest, kind: 'function', signature, text: texts.join('\n\n'), members: [] }
    }
  }
}

function declarationOf(statement: Directive | Statement) {
  return statement.type === 'ExportNamedDeclaration' ? statement.declaration : null
}

function nameOf(statement: Directive | Statement): string | undefined {
  const declaration = declarationOf(statement)
  if (declaration?.type === 'VariableDeclaration') {
    const id = declaration.declarations[0]?.id
    return id?.type === 'Identifier' ? id.name : undefined
  }
  return declaration && 'id' in declaration && declaration.id?.type === 'Identifier' ? declaration.id.name : undefined
}

interface Span {
  start: number
  end: number
}
interface Bodied extends Span {
  body?: Span | null
}

function withoutBody({ start, end, body }: Bodied, source: Source): string {
  return tidy(source.text.slice(start, body ? body.start : end))
}

/** A constant with its type; what it is made of is shown where the type is left to that. */
function constant(declaration: Span & { declarations: { id: Span; init: Span | null }[] }, source: Source): string {
  const [{ id, init } = { id: declaration, init: null }] = declaration.declarations
  const head = source.text.slice(declaration.start, id.end)
  return tidy(head.includes(':') || init === null ? head : source.text.slice(declaration.start, declaration.end))
}

/** A type as it stands in the source, which is laid out for reading already; comments of its parts included. */
function layOut({ start, end }: Span, source: Source): string {
  return source.text.slice(start, end).trim()
}

function members({ body }: Class | TSInterfaceDeclaration, source: Source): Member[] {
  const seen = new Set<string>()
  return body.body.flatMap((member): Member[] => {
    if (!('key' in member) || member.key.type === 'PrivateIdentifier') return []
    if ('override' in member && member.override) return []
    const name = source.text.slice(member.key.start, member.key.end)
    const isPublic = !('accessibility' in member) || !member.accessibility || member.accessibility === 'public'
    if (!isPublic || member.key.type !== 'Identifier' || (name === 'constructor' && seen.has(name))) return []
    seen.add(name)
    const text = told(member.start, source)
    if (name === 'constructor' && text === '') return []
    return [{ name, signature: memberSignature(member, source), text }]
  })
}

function memberSignature(member: Span & { type: string; value?: unknown }, source: Source): string {
  const value = member.value as (Span & { body?: Span | null }) | null | undefined
  if (member.type === 'MethodDefinition') return withoutBody({ ...member, body: value?.body ?? null }, source)
  const end = member.type === 'PropertyDefinition' && value ? value.start : member.end
  return tidy(source.text.slice(member.start, end)).replace(/\s*[=;]$/, '')
}

/** One line, or as it is laid out where a line would be long. */
function tidy(text: string): string {
  const trimmed = text.trim()
  const line = trimmed
    .replace(/\/\/.*$/gm, '')
    .replace(/\s+/g, ' ')
    .replace(/\( /g, '(')
    .replace(/,? \)/g, ')')
  return line.length <= 110 && !trimmed.includes('/**') ? line : unindent(trimmed)
}

/** Takes from all lines what the last one is indented by. */
function unindent(text: string): string {
  const lines = text.split('\n')
  const indent = /^ */.exec(lines.at(-1) ?? '')?.[0] ?? ''
  return lines.map((line) => (line.startsWith(indent) ? line.slice(indent.length) : line)).join('\n')
}

/** The TSDoc that ends where `start` begins, without stars; a line comment between is passed over. */
function told(start: number, { text, comments }: Source): string {
  const comment = comments.find(({ type, value, end }) => {
    const between = text.slice(end, start).replace(/^\s*\/\/.*$/gm, '')
    return type === 'Block' && value.startsWith('*') && end <= start && between.trim() === ''
  })
  return (comment?.value ?? '').replace(/^\s*\*+ ?/gm, '').trim()
}
