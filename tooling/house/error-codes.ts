// The closed sets of error codes: read from the type of `code` in each error class, and from the headings of
// docs/errors.md, where `## ClassName` opens the codes of a class and "### `CODE`" is one code.
import { type Class, type TSType, type TSTypeAliasDeclaration, type TSTypeReference, Visitor } from 'oxc-parser'
import { parse } from './syntax.ts'

/** The string literals of the union that types the `code` of a class, looked up through one alias in any of the texts. */
export function declaredCodes(texts: readonly string[], className: string): string[] {
  const aliases = new Map<string, TSType>()
  let codeType: TSType | undefined
  const visitor = new Visitor({
    TSTypeAliasDeclaration: ({ id, typeAnnotation }: TSTypeAliasDeclaration) =>
      void aliases.set(id.name, typeAnnotation),
    ClassDeclaration: (node: Class) => {
      if (node.id?.name === className) codeType = typeOfCode(node) ?? codeType
    },
  })
  for (const text of texts) visitor.visit(parse(text).program)
  if (codeType === undefined) throw new Error(`no class ${className} with a typed field "code"`)
  const union = codeType.type === 'TSTypeReference' ? aliases.get(nameOf(codeType)) : codeType
  return literals(union, className)
}

function nameOf({ typeName }: TSTypeReference): string {
  return typeName.type === 'Identifier' ? typeName.name : ''
}

function typeOfCode({ body }: Class): TSType | undefined {
  for (const member of body.body) {
    if (member.type !== 'PropertyDefinition' || member.key.type !== 'Identifier') continue
    if (member.key.name === 'code') return member.typeAnnotation?.typeAnnotation
  }
  return undefined
}

function literals(type: TSType | undefined, className: string): string[] {
  const members = type?.type === 'TSUnionType' ? type.types : [type]
  return members.map((member) => {
    if (member?.type === 'TSLiteralType' && member.literal.type === 'Literal') return String(member.literal.value)
    throw new Error(`the code of ${className} is not a union of string literals`)
  })
}

/** The codes that have a heading of their own in the section of a class. */
export function documentedCodes(markdown: string, className: string): string[] {
  return codeSections(markdown, className).map(([code]) => code)
}

/** The codes under whose heading nothing says what to try, or nothing says why before that. */
export function codesWithoutHelp(markdown: string, className: string): string[] {
  return codeSections(markdown, className).flatMap(([code, text]) => {
    const [causes = '', help = ''] = text.split('**Try:**').map((part) => part.trim())
    return causes === '' || help === '' ? [code] : []
  })
}

/** Each code of a class with what stands under its heading. */
function codeSections(markdown: string, className: string): [code: string, text: string][] {
  const lines = markdown.split('\n')
  const heading = lines.findIndex((line) => line.replaceAll('`', '').trim() === `## ${className}`)
  if (heading === -1) throw new Error(`docs/errors.md has no section "## ${className}"`)
  const next = lines.findIndex((line, index) => index > heading && /^##? /.test(line))
  const section = lines.slice(heading + 1, next === -1 ? lines.length : next).join('\n')
  return section.split(/^### /m).flatMap((part): [string, string][] => {
    const match = /^`(\w+)`/.exec(part)
    return match?.[1] === undefined ? [] : [[match[1], part.slice(match[0].length)]]
  })
}
