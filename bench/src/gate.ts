// The regression gate: recorded thresholds for ratios of one run, and how a run stands to them. What has no number is not
// passed.
import { readFile } from 'node:fs/promises'
import { type Cell, processorRatio, type Suite } from './cell.ts'
import { pairedRatio, type Spread } from './rounds.ts'

export interface Threshold {
  suite: Suite
  /** The title of the cell. */
  cell: string
  contender: string
  /** Who is 1. */
  against: string
  /** What is compared: the median of the rates, or the processor time of a call, which other programs disturb less. */
  by: 'rate' | 'cpu'
  atLeast: number
}

export interface Gate {
  /** What a quick run on a noisy machine must reach of every threshold. */
  quickShare: number
  thresholds: Threshold[]
}

export interface Judgement {
  threshold: Threshold
  /** What the threshold is in this form of the run. */
  limit: number
  ratio: number | undefined
  /** Of rates: between the rounds. */
  spread: Spread | undefined
  isMet: boolean
}

const RECORDED = new URL('../thresholds.json', import.meta.url)

/** The recorded thresholds, or those in another file. */
export async function readGate(file: string | URL = RECORDED): Promise<Gate> {
  return JSON.parse(await readFile(file, 'utf8')) as Gate
}

/** How the cells stand to those thresholds that are about them; of several cells with one title the best counts. */
export function judged({ thresholds, quickShare }: Gate, cells: readonly Cell[], isQuick: boolean): Judgement[] {
  return thresholds.map((threshold) => {
    const limit = threshold.atLeast * (isQuick ? quickShare : 1)
    const found = cells.flatMap((cell) => (isAbout(threshold, cell) ? [ratioOf(cell, threshold)] : []))
    const best = found.toSorted((left, right) => (right.ratio ?? 0) - (left.ratio ?? 0))[0]
    const ratio = best?.ratio
    return { threshold, limit, ratio, spread: best?.spread, isMet: ratio !== undefined && ratio >= limit }
  })
}

export function isAbout({ suite, cell }: Threshold, { suite: of, title }: Pick<Cell, 'suite' | 'title'>): boolean {
  return suite === of && cell === title
}

function ratioOf(cell: Cell, { contender, against, by }: Threshold): Pick<Judgement, 'ratio' | 'spread'> {
  const [ours, base] = [contender, against].map((name) =>
    cell.results.find((result) => result.contender === name && result.value !== undefined),
  )
  if (ours === undefined || base === undefined) return { ratio: undefined, spread: undefined }
  const spread = pairedRatio(ours.rounds, base.rounds)
  return { ratio: by === 'rate' ? spread.median : processorRatio(cell, contender, against), spread }
}
