import { describe, expect, test } from 'vitest'
import { allPages, deadLinks, type Pages } from './links.ts'
import { headings, links, split, tableShapes } from './markdown.ts'
import { read } from './workspace.ts'

test.each(allPages())('every link of %s leads to a file and a heading that are there', (page) => {
  expect(deadLinks(page)).toEqual([])
})

test('every page of docs is reached from the list of them', () => {
  const listed = links(read('docs/README.md')).map(({ target }) => `docs/${target.split('#')[0]}`)
  const pages = allPages('docs').filter((page) => page !== 'docs/README.md' && !page.startsWith('docs/decisions/'))
  expect(pages.filter((page) => !listed.includes(page))).toEqual([])
})

describe('the check', () => {
  const pagesOf = (files: Record<string, string>): Pages => ({
    exists: (path) => path in files,
    read: (path) => files[path] ?? '',
  })
  const dead = (markdown: string) =>
    deadLinks('a/b.md', pagesOf({ 'a/b.md': markdown, 'c.md': '# One\n\n## Two `x`\n' }))

  test.each(['../c.md', '../c.md#one', '../c.md#two-x', 'https://x.org/y'])('lets %s pass', (target) => {
    expect(dead(`[x](${target})`)).toEqual([])
  })

  test.each(['d.md', '../c.md#three', '#four', 'http://x.org', '../../c.md', '../c.md#Two-x'])('finds %s', (target) => {
    expect(dead(`# top\n[x](${target})`)).toEqual([`a/b.md:2 ${target}`])
  })

  test('sees every page, and nothing that was installed', () => {
    expect(allPages()).toEqual(expect.arrayContaining(['README.md', 'docs/codec.md', 'packages/rpc/README.md']))
    expect(allPages().filter((page) => page.includes('node_modules'))).toEqual([])
  })
})

describe('what is read of Markdown', () => {
  test('headings and their anchors, also of code, marks, Chinese and a second one of the same name', () => {
    const markdown =
      '# A `b` c!\n\n```sh\n# no heading\n```\n\n## TLS, and more\n\n## 保证 是什么\n\n## TLS, and more\n'
    expect(headings(markdown).map(({ anchor }) => anchor)).toEqual([
      'a-b-c',
      'tls-and-more',
      '保证-是什么',
      'tls-and-more-1',
    ])
  })

  test('links outside of code, several in a line, with a title, in HTML', () => {
    const markdown = '[a](b) and [c](d "title") `[e](f)`\n```\n[g](h)\n```\n<img src="i.svg">\n![j](k)'
    expect(links(markdown)).toEqual([
      { target: 'b', line: 1 },
      { target: 'd', line: 1 },
      { target: 'i.svg', line: 5 },
      { target: 'k', line: 6 },
    ])
  })

  test('blocks with their language, mark, and the line above', () => {
    const { blocks } = split('Save it:\n\n```ts before\nx\n\ny\n```\nmore')
    expect(blocks).toEqual([{ language: 'ts', mark: 'before', text: 'x\n\ny\n', line: 3, above: 'Save it:' }])
    expect(() => split('```ts\nx')).toThrow('the block of line 1 does not end')
  })

  test('tables by their rows and columns', () => {
    expect(tableShapes('| a | b |\n| --- | --- |\n| c \\| d | e |\n\n| f |\n')).toEqual([[2, 2, 2], [1]])
  })
})
