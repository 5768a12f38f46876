// The regression gate: recorded thresholds for ratios of one run, and how a run stands to them. What has no number is not
// passed.
import { readFile } from 'node:fs/promises'
import type { Cell, Suite } from './cell.ts'
import { pairedRatio, type Spread } from './rounds.ts'

export interface Threshold {
  suite: Suite
  /** The title of the cell. */
  cell: string
  contender: string
  /** Whose rate is 1. */
  against: string
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
  ratio: Spread | undefined
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
    const ratios = cells.flatMap((cell) => ratioOf(cell, threshold) ?? [])
    const ratio = ratios.toSorted((left, right) => right.median - left.median)[0]
    return { threshold, limit, ratio, isMet: ratio !== undefined && ratio.median >= limit }
  })
}

export function isAbout({ suite, cell }: Threshold, { suite: of, title }: Pick<Cell, 'suite' | 'title'>): boolean {
  return suite === of && cell === title
}

function ratioOf(cell: Cell, threshold: Threshold): Spread | undefined {
  if (!isAbout(threshold, cell)) return undefined
  const [ours, base] = [threshold.contender, threshold.against].map((name) =>
    cell.results.find(({ contender, value }) => contender === name && value !== undefined),
  )
  return ours && base && pairedRatio(ours.rounds, base.rounds)
}
