// The scorecard as people read it: a line for each row that is done, and the page RELIABILITY.md.
import { isMet, isTold, requiredText, seenText } from './figure.ts'
import type { Options } from './options.ts'
import type { Outcome, Verdict } from './run-row.ts'

const SIGNS: Readonly<Record<Verdict, string>> = { passed: 'ok  ', failed: 'FAIL', 'not run': '-   ' }

/** One line as soon as a row is done, and what was wrong below it. */
export function progressLines(outcome: Outcome, done: number, of: number): string[] {
  const { row, verdict, reason, seconds, figures, violations, lateMs } = outcome
  const place = `${String(done).padStart(String(of).length)}/${of}`
  const text = `${place} ${SIGNS[verdict]} ${row.id.padEnd(4)} ${seconds.toFixed(1).padStart(5)} s  ${row.fault}`
  if (verdict === 'not run') return [`${text}: not run, ${reason}`]
  const missed = figures.filter((figure) => !isMet(figure, lateMs))
  const wrong = [...missed.map((figure) => `${requiredText(figure)}, seen ${seenText(figure)}`), ...violations]
  // What is only told is often the cause.
  if (verdict === 'failed') wrong.push(...figures.filter(isTold).map((figure) => `${figure.name}: ${seenText(figure)}`))
  return [text, ...wrong.slice(0, 20).map((what) => `       ${what}`)]
}

export interface Circumstances {
  readonly options: Options
  readonly node: string
  readonly system: string
  readonly cores: number
  readonly seconds: number
}

/** The page. */
export function scorecardPage(outcomes: readonly Outcome[], about: Circumstances): string {
  const counts = (['passed', 'failed', 'not run'] as const).map((verdict) => {
    return `${outcomes.filter((outcome) => outcome.verdict === verdict).length} ${verdict}`
  })
  const { options, node, system, cores, seconds } = about
  const command = `npm run reliability -- --seed ${options.seed}${options.isNightly ? ' --nightly' : ''}`
  return `# Reliability

Written by \`${command}\` and not by hand: ${counts.join(', ')}, in ${Math.round(seconds)} s.
Node ${node}, ${system}, ${cores} cores.

In every row: what a receiver gets is a prefix of what was sent, without a gap, by number, length and checksum (I1); every call
and every wait has one outcome, with a typed error, and \`notProcessed\` is true of the journal of the handlers (I2); nothing is
unhandled, and the row's process ends by itself (I3); the counters add up (I6). A server process never holds more resident
memory than connections x (longest frame + high-water mark + 128 KiB) + 64 MiB above its start, and is back within 20 % + 32 MiB
5 s after all is closed; of a row that has its server in its own process the memory in use is back within 20 % + 16 MiB (I4).
Where a fault acts on a server process that runs, 99 % of its timers are at most 50 ms late, without what it waited for a core
(I5); where attackers share the process of the server, that would judge them as well and is left out.

A time may be missed by as much as the timers of an idle process were late meanwhile ("late"), 1 s at most; a row of which only
times were missed is run once more, and says so. Time limits are about a tenth of the defaults: heartbeats and pings 1 s and 1 s, stalled
writes and frames 2 s, TLS handshakes 1 s.

| row | fault | by | required | seen | seed | time | late | |
| --- | --- | --- | --- | --- | --- | --- | --- | --- |
${outcomes.map(tableRow).join('\n')}
`
}

function tableRow({ row, verdict, reason, figures, violations, notes, seed, seconds, lateMs }: Outcome): string {
  const judged = figures.filter((figure) => !isTold(figure))
  const told = figures.filter(isTold).map((figure) => `${figure.name}: ${seenText(figure)}`)
  const isRun = verdict !== 'not run'
  const cells = [
    row.id,
    row.fault,
    row.by,
    judged.map(requiredText).join('<br>'),
    [...judged.map(seenText), ...told, ...notes].join('<br>'),
    isRun ? String(seed) : '',
    isRun ? `${seconds.toFixed(1)} s` : '',
    isRun ? `${lateMs} ms` : '',
    isRun ? [verdict, ...violations.slice(0, 3)].join('<br>') : `not run: ${reason}`,
  ]
  return `| ${cells.map(cellText).join(' | ')} |`
}

function cellText(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll('\n', ' ')
}
