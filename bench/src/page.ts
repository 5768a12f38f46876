// The page of a run, in one file that needs nothing else: what was found in words, the pictures, every number, and how it was
// measured. Light or dark as the reader's system is.
import { type Cell, SUITES } from './cell.ts'
import { chartsOf, escaped } from './charts.ts'
import { BASELINE, OURS } from './contender.ts'
import { machineLine } from './machine.ts'
import { PALETTE } from './palette.ts'
import type { RunRecord } from './run-record.ts'
import { suiteText } from './suite-text.ts'
import { reasons, resultOf, shortenings } from './table.ts'

const STYLE = `${PALETTE}
body { margin: 0 auto; max-width: 60rem; padding: 2rem 1rem 4rem; background: var(--paper); color: var(--ink); font: 16px/1.5 system-ui, sans-serif }
h1 { font-size: 1.8rem; margin: 0 } h2 { margin: 2.5rem 0 .5rem; font-size: 1.2rem } p { margin: .4rem 0 }
.faint, figcaption { color: var(--faint); font-size: .875rem }
.key span { display: inline-block; width: .8em; height: .8em; border-radius: 2px; margin: 0 .3em 0 1em }
figure { margin: 0; overflow-x: auto } pre { overflow-x: auto; font-size: .75rem; line-height: 1.4; border: 1px solid var(--line); padding: .8rem; border-radius: 6px }`

/** The whole page. */
export function pageOf(record: RunRecord): string {
  const { cells, machine, startedAt, args, isInterrupted } = record
  const command = ['npm run bench', ...(args.length > 0 ? ['--', ...args] : [])].join(' ')
  const pictures = chartsOf(cells).map(
    ({ title, caption, svg }) =>
      `<h2>${escaped(capital(title))}</h2><figure>${svg}<figcaption>${escaped(caption)}</figcaption></figure>`,
  )
  const absent = [...reasons(cells, 'failure'), ...reasons(cells, 'notRun'), ...shortenings(cells)]
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Framewire benchmark</title><style>${STYLE}</style></head>
<body><h1>Framewire benchmark</h1>
<p class="faint">${escaped(`${startedAt.slice(0, 10)}, ${machineLine(machine)}`)}<br><code>${escaped(command)}</code></p>
${isInterrupted ? '<p><strong>This run was interrupted: it shows what was measured until then.</strong></p>' : ''}
${findings(cells)
  .map((finding) => `<p>${escaped(finding)}</p>`)
  .join('\n')}
<p class="key"><span style="background:var(--ours)"></span>Framewire<span style="background:var(--floor)"></span>floor: hand-tuned code that promises nothing<span style="background:var(--peer)"></span>others</p>
${pictures.join('\n')}
<h2>Every number</h2>
${SUITES.map((suite) =>
  details(
    suite,
    cells.filter((cell) => cell.suite === suite),
  ),
).join('\n')}
${absent.length > 0 ? `<h2>Left out or shortened</h2><pre>${escaped(absent.join('\n'))}</pre>` : ''}
<h2>How it was measured</h2>
<p>Server and client are processes of their own with one loopback connection, unless a title says more. Contenders take turns, round by round, and every echo is
checked before it counts. Only comparisons within one run say something: on another machine, or on this one while it does
something else, all numbers differ. <em>Within noise</em> means that single rounds say the opposite.</p>
</body></html>
`
}

/** What a reader asks first, in words. */
function findings(cells: readonly Cell[]): string[] {
  const cell = cells.find(({ title }) => title === '32 B @128') ?? cells.find(({ suite }) => suite === 'rpc')
  const ours = cell && resultOf(cell, OURS)
  if (cell === undefined || ours?.value === undefined) return []
  const rate = ours.value.median
  const said = [
    `With ${cell.inFlight} calls in flight (${cell.title}) one connection of Framewire carries ${Math.round(rate).toLocaleString('en-US')} calls a second, every guarantee on.`,
  ]
  if (ours.ratio) said.push(`That is ${ours.ratio.median.toFixed(2)} of a hand-tuned socket without any guarantee.`)
  const peers = cell.results
    .filter(({ contender, value }) => value && contender !== OURS && contender !== BASELINE)
    .toSorted((left, right) => (right.value?.median ?? 0) - (left.value?.median ?? 0))
    .map(({ contender, value }) => `${factor(rate / (value?.median ?? 1))} times ${contender}`)
  if (peers.length > 0) said.push(`And ${peers.join(', ')}.`)
  return said
}

function details(suite: string, cells: readonly Cell[]): string {
  const text = suiteText(suite as Cell['suite'], cells)
  return text === '' ? '' : `<details><summary>${suite}</summary><pre>${escaped(text)}</pre></details>`
}

function factor(value: number): string {
  return value < 10 ? value.toFixed(1) : Math.round(value).toLocaleString('en-US')
}

function capital(text: string): string {
  return text.slice(0, 1).toUpperCase() + text.slice(1)
}
