// Parsed sources: the one place that knows oxc-parser. A file that does not parse is an error, never an empty answer.
import { type ParseResult, parseSync, Visitor } from 'oxc-parser'

export interface Import {
  specifier: string
  line: number
}

export function parse(text: string, file = 'inline.ts'): ParseResult {
  const result = parseSync(file, text)
  const error = result.errors[0]
  if (error) throw new Error(`${file} does not parse: ${error.message}`)
  return result
}

/** The line, from 1, of every offset: built once per file. */
export function lineFinder(text: string): (offset: number) => number {
  const starts = [0, ...Array.from(text.matchAll(/\n/g), (match) => match.index + 1)]
  return (offset) => {
    let low = 0
    let high = starts.length
    while (high - low > 1) {
      const middle = (low + high) >>> 1
      if ((starts[middle] ?? 0) <= offset) low = middle
      else high = middle
    }
    return low + 1
  }
}

/** Everything a file loads or names: static, re-exporting and dynamic imports, and `import('...')` types. */
export function importsOf(text: string): Import[] {
  const { program, module } = parse(text)
  const lineAt = lineFinder(text)
  const found: Import[] = []
  const add = (specifier: string, offset: number) => found.push({ specifier, line: lineAt(offset) })
  for (const { moduleRequest } of module.staticImports) add(moduleRequest.value, moduleRequest.start)
  for (const statement of module.staticExports) {
    const request = statement.entries[0]?.moduleRequest
    if (request) add(request.value, request.start)
  }
  new Visitor({
    ImportExpression: ({ source, start }) => {
      const isPlain = source.type === 'Literal' && typeof source.value === 'string'
      add(isPlain ? String(source.value) : '(computed)', start)
    },
    TSImportType: ({ source }) => void add(source.value, source.start),
  }).visit(program)
  return found
}

/** The names a module has at run time. */
export function valueExports(text: string): string[] {
  return parse(text)
    .module.staticExports.flatMap((statement) => statement.entries)
    .filter((entry) => !entry.isType && entry.exportName.name !== null)
    .map((entry) => String(entry.exportName.name))
    .sort()
}
