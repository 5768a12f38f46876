// How long files and functions are. A function counts from its first line to its last, inner functions included;
// what is passed to describe, it and test is a chapter of a test file and does not count as one.
import { type ArrowFunctionExpression, type Node, type Function as OxcFunction, Visitor } from 'oxc-parser'
import { lineFinder, parse } from './syntax.ts'

export const MAX_FILE_LINES = 400
export const MAX_FUNCTION_LINES = 70

type FunctionNode = OxcFunction | ArrowFunctionExpression

export function lineCount(text: string): number {
  return text === '' ? 0 : text.replace(/\n$/, '').split('\n').length
}

/** The functions of a file above the limit, as `file:line name has N lines`. */
export function longFunctions(file: string, text: string): string[] {
  const { program, module } = parse(text, file)
  const lineAt = lineFinder(text)
  const isTest = module.staticImports.some(({ moduleRequest }) => moduleRequest.value === 'vitest')
  const chapters = new Set<unknown>()
  const names = new Map<unknown, string>()
  const found: string[] = []
  const nameFrom = (key: { start: number; end: number }, value: unknown) => {
    names.set(value, text.slice(key.start, key.end))
  }
  const check = (node: FunctionNode) => {
    const lines = lineAt(node.end) - lineAt(node.start) + 1
    if (chapters.has(node) || lines <= MAX_FUNCTION_LINES) return
    const name = node.id?.name ?? names.get(node) ?? 'a function'
    found.push(`${file}:${lineAt(node.start)} ${name} has ${lines} lines`)
  }
  new Visitor({
    CallExpression: ({ callee, arguments: passed }) => {
      if (isTest && TEST_WORDS.has(rootName(callee))) for (const argument of passed) chapters.add(argument)
    },
    MethodDefinition: ({ key, value }) => nameFrom(key, value),
    PropertyDefinition: ({ key, value }) => nameFrom(key, value),
    Property: ({ key, value }) => nameFrom(key, value),
    VariableDeclarator: ({ id, init }) => nameFrom(id, init),
    FunctionDeclaration: check,
    FunctionExpression: check,
    ArrowFunctionExpression: check,
  }).visit(program)
  return found
}

const TEST_WORDS = new Set(['describe', 'suite', 'it', 'test'])

/** The word a chain begins with: `test` of `test.skipIf(slow).each(rows)`. */
function rootName(node: Node): string {
  if (node.type === 'Identifier') return node.name
  if (node.type === 'CallExpression') return rootName(node.callee)
  if (node.type === 'MemberExpression') return rootName(node.object)
  if (node.type === 'TaggedTemplateExpression') return rootName(node.tag)
  return ''
}
