// Links between our documents: where one leads, and whether something stands there. Addresses of the web are only looked at
// as far as that can be done without it.
import { existsSync, readdirSync, statSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'
import { headings, links } from './markdown.ts'
import { ROOT, read } from './workspace.ts'

const SKIPPED = new Set(['node_modules', 'dist', 'coverage', 'reports'])

/** Every Markdown file written for readers, as paths from the root. */
export function allPages(folder = ''): string[] {
  return readdirSync(join(ROOT, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name)
    if (entry.isDirectory()) return SKIPPED.has(entry.name) || entry.name.startsWith('.') ? [] : allPages(path)
    return entry.name.endsWith('.md') ? [path] : []
  })
}

/** The files of a repository: whether there is one, and what a Markdown file says. */
export interface Pages {
  exists(path: string): boolean
  read(path: string): string
}

const OURS: Pages = {
  exists: (path) => existsSync(join(ROOT, path)) && !path.startsWith('..'),
  read: (path) => (statSync(join(ROOT, path)).isDirectory() ? '' : read(path)),
}

/** The links of a page that lead nowhere, as `page:line target`. */
export function deadLinks(page: string, pages: Pages = OURS): string[] {
  return links(pages.read(page)).flatMap(({ target, line }) => {
    return leadsSomewhere(page, target, pages) ? [] : [`${page}:${line} ${target}`]
  })
}

function leadsSomewhere(page: string, target: string, pages: Pages): boolean {
  if (/^[a-z]+:/.test(target))
    return /^mailto:./.test(target) || (target.startsWith('https://') && URL.canParse(target))
  const [path = '', anchor] = target.split('#')
  const file = path === '' ? page : normalize(join(dirname(page), decodeURIComponent(path)))
  if (!pages.exists(file)) return false
  if (anchor === undefined) return true
  if (!file.endsWith('.md')) return /^L\d+$/.test(anchor)
  return headings(pages.read(file)).some((heading) => heading.anchor === decodeURIComponent(anchor))
}
