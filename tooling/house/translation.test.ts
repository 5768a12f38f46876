// README.md and README.zh-CN.md are one document in two languages: the same programs, the same build, the same links.
import { describe, expect, test } from 'vitest'
import { headings, links, split, tableShapes } from './markdown.ts'
import { read } from './workspace.ts'

/** What must be the same in both languages. */
function skeleton(markdown: string) {
  return {
    blocks: split(markdown).blocks.map(({ language, text }) => ({ language, text })),
    headings: headings(markdown).map(({ level }) => level),
    tables: tableShapes(markdown),
    links: links(markdown)
      .map(({ target }) => target)
      .filter((target) => !/^README(\.zh-CN)?\.md$/.test(target)),
    // Where the blocks stand among the headings: a program may not move to another section.
    order: markdown.split(/^## /m).map((section) => split(section).blocks.length),
  }
}

const ENGLISH = read('README.md')
const CHINESE = read('README.zh-CN.md')

test('the README says the same in both languages: programs, headings, tables, links, in this order', () => {
  expect(skeleton(CHINESE)).toEqual(skeleton(ENGLISH))
})

test('each links to the other above everything else', () => {
  const first = (markdown: string) => markdown.split('\n').find((line) => line !== '' && !line.startsWith('#'))
  expect(first(ENGLISH)).toBe('English | [简体中文](README.zh-CN.md)')
  expect(first(CHINESE)).toBe('[English](README.md) | 简体中文')
})

test('every paragraph, row and heading of the Chinese one is Chinese, but names', () => {
  const prose = split(CHINESE).prose.join('\n')
  const english = prose
    .split(/\n{2,}|\n(?=\|)/)
    .map((part) => part.replace(/\]\([^)]*\)|`[^`]*`/g, '').trim())
    .filter((part) => /[a-z]{3,} [a-z]{3,}/.test(part) && !/[\u4e00-\u9fff]/.test(part))
  expect(english).toEqual([])
})

describe('the check', () => {
  const page = '# A\n\n## B\n\n```sh\nx\n```\n\n| a | b |\n| --- | --- |\n\n## C\n\n[d](e.md)\n'

  test.each([
    ['a changed program', page.replace('x', 'y')],
    [
      'a program in another section',
      page.replace('```sh\nx\n```\n\n', '').replace('## C\n', '## C\n\n```sh\nx\n```\n'),
    ],
    ['a heading less', page.replace('## C', 'C')],
    ['a row more', page.replace('| --- | --- |', '| --- | --- |\n| c | d |')],
    ['another link', page.replace('e.md', 'f.md')],
  ])('finds %s', (_, other) => {
    expect(skeleton(other)).not.toEqual(skeleton(page))
  })

  test('lets other words pass', () => {
    expect(skeleton(page.replace('# A', '# 甲'))).toEqual(skeleton(page))
  })
})
