// What the checks of our documents read in Markdown: fenced blocks, headings with their anchors, links, tables. It knows
// what our pages use and no more; nothing inside a fenced block or code span is a heading or a link.

export interface Block {
  /** The first word behind the fence. */
  language: string
  /** The other words: `before` of "```js before". */
  mark: string
  text: string
  /** The line of the opening fence, from 1. */
  line: number
  /** The last line of prose above it. */
  above: string
}

export interface Heading {
  level: number
  text: string
  /** What a link to it says behind the #, as GitHub makes it. */
  anchor: string
}

export interface Link {
  target: string
  line: number
}

interface Split {
  blocks: Block[]
  /** The lines outside of blocks; those of blocks are empty. */
  prose: string[]
}

const FENCE = /^```/

/** Blocks and prose, each line in one of them. A fence that is not closed is an error. */
export function split(markdown: string): Split {
  const lines = markdown.split('\n')
  const blocks: Block[] = []
  const prose: string[] = []
  let above = ''
  for (let at = 0; at < lines.length; at++) {
    const line = lines[at] as string
    prose.push(FENCE.test(line) ? '' : line)
    if (!FENCE.test(line)) {
      if (line.trim() !== '') above = line
      continue
    }
    const end = lines.findIndex((each, index) => index > at && each === '```')
    if (end === -1) throw new Error(`the block of line ${at + 1} does not end`)
    const [language = '', ...mark] = line.slice(3).trim().split(' ')
    const text = lines.slice(at + 1, end).map((each) => `${each}\n`)
    blocks.push({ language, mark: mark.join(' '), text: text.join(''), line: at + 1, above })
    prose.push(...Array<string>(end - at).fill(''))
    at = end
  }
  return { blocks, prose }
}

/** The headings of a page. Of several with the same text the second has the anchor `text-1`, and so on. */
export function headings(markdown: string): Heading[] {
  const seen = new Map<string, number>()
  return split(markdown).prose.flatMap((line) => {
    const match = /^(#{1,6}) (.+)$/.exec(line)
    if (!match) return []
    const [, marks = '', text = ''] = match
    const anchor = anchorOf(text)
    const times = seen.get(anchor) ?? 0
    seen.set(anchor, times + 1)
    return [{ level: marks.length, text, anchor: times === 0 ? anchor : `${anchor}-${times}` }]
  })
}

/** Lower case, spaces to dashes, all else but letters, digits, dashes and underscores gone; links are their text. */
function anchorOf(heading: string): string {
  return heading
    .replace(/\[([^\]]*)\]\([^)]*\)/g, '$1')
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\p{M} _-]/gu, '')
    .replaceAll(' ', '-')
}

/** Inline links and images, and HTML's `href`, `src` and `srcset`. */
export function links(markdown: string): Link[] {
  return split(markdown).prose.flatMap((line, index) => {
    const text = line.replace(/`+[^`]*`+/g, 'code')
    const inline = Array.from(text.matchAll(/\]\(<?([^)\s>]+)>?[^)]*\)/g), ([, target = '']) => target)
    const html = Array.from(text.matchAll(/(?:href|src|srcset)="([^"]+)"/g), ([, target = '']) => target)
    return [...inline, ...html].map((target) => ({ target, line: index + 1 }))
  })
}

/** The number of columns of each row, table by table. */
export function tableShapes(markdown: string): number[][] {
  const shapes: number[][] = []
  let isInTable = false
  for (const line of split(markdown).prose) {
    const isRow = line.startsWith('|')
    if (isRow && !isInTable) shapes.push([])
    if (isRow) shapes.at(-1)?.push(line.replaceAll('\\|', '').split('|').length - 2)
    isInTable = isRow
  }
  return shapes
}
