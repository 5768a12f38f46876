// A page of docs/reference: what the declarations of a package are as Markdown. The order is that of the alphabet, so a
// reader who knows a name finds it; the order of ideas stands in the guides.
import { type Declaration, declarations, type Elsewhere, type Member } from './declarations.ts'
import { type Entry, entries, type PackageName, read } from './workspace.ts'

const KINDS = [
  ['Functions', 'function'],
  ['Classes', 'class'],
  ['Constants', 'const'],
  ['Interfaces', 'interface'],
  ['Types', 'type'],
] as const

/** The page of a package, all of its entries. */
export function referencePage(name: PackageName): string {
  const parts = entries(name).map((entry) => entryPart(name, entry))
  const head = [
    `# Reference: @framewire/${name}`,
    '',
    'Made from the sources by `npm run docs`; do not edit. Every exported name with its types and what its author says of it.',
    `What to use when stands in the [package's README](../../packages/${name}/README.md) and the [guides](../README.md#guides).`,
  ]
  return `${[head.join('\n'), ...parts].join('\n\n')}\n`
}

function entryPart(name: PackageName, { specifier, file }: Entry): string {
  const found = declarations(file, (source) => read(`packages/${name}/src/${source}`))
  const here = found.filter((each): each is Declaration => 'kind' in each)
  const elsewhere = found.filter((each): each is Elsewhere => 'from' in each)
  const sections = KINDS.flatMap(([title, kind]) => {
    const declared = here.filter((each) => each.kind === kind)
    return declared.length === 0 ? [] : [`### ${title}`, ...declared.map((each) => declarationPart(name, each))]
  })
  return [`## ${specifier}`, ...sections, ...elsewherePart(elsewhere)].join('\n\n')
}

function elsewherePart(names: readonly Elsewhere[]): string[] {
  if (names.length === 0) return []
  const lines = names.map(({ name, from }) => {
    return `- \`${name}\`: see [${from}](${from.replace('@framewire/', '')}.md#${name.toLowerCase()})`
  })
  return ['### From other packages', lines.join('\n')]
}

function declarationPart(name: PackageName, { name: heading, file, text, signature, members }: Declaration): string {
  const code = `\`\`\`ts\n${signature}\n\`\`\``
  const source = `[${file}](../../packages/${name}/src/${file})`
  const parts = [`#### ${heading}`, code, paragraphs(text), `Source: ${source}`]
  if (members.length > 0) parts.push(members.map(memberPart).join('\n'))
  return parts.filter((part) => part !== '').join('\n\n')
}

/** A member as an item: its signature, then its text on lines of their own. */
function memberPart({ name, signature, text }: Member): string {
  const isLong = signature.includes('\n')
  const code = isLong ? ` \`${name}\`\n\n  \`\`\`ts\n${indent(signature)}\n  \`\`\`\n` : ` \`${signature}\``
  return `-${code}\n${indent(paragraphs(text))}`.replace(/\n+$/, '')
}

function indent(text: string): string {
  return text.replace(/^(?=.)/gm, '  ')
}

const TAGS: Readonly<Record<string, string>> = {
  default: 'Default:',
  throws: 'Throws',
  returns: 'Returns',
  param: 'Parameter',
  see: 'See',
  example: 'Example:',
}

/** TSDoc as Markdown: each tag a sentence of its own, `{@link Name}` the name. Angle brackets outside code stay text. */
function paragraphs(text: string): string {
  return text
    .replace(/\{@link (\S+?)\}/g, '`$1`')
    .replace(/[ \n]*@(\w+)\s*/g, (tag, word: string, at: number) => {
      const title = TAGS[word]
      return title === undefined ? tag : `${at === 0 ? '' : '\n\n'}**${title}** `
    })
    .split(/(`[^`]*`)/)
    .map((part, index) => (index % 2 === 1 ? part : part.replaceAll('<', '&lt;')))
    .join('')
}
