// One run of one row: its seed, what it measured, what broke an invariant, and what it must give back at its end. The
// last thing given out is given back first.

import type { Figure, FigureKind } from './figure.ts'
import { Random } from './random.ts'

/** What came of a row in its own process. */
export interface RowResult {
  readonly figures: readonly Figure[]
  /** What broke an invariant, in words. */
  readonly violations: readonly string[]
  /** What was left out of it on this machine, and why. */
  readonly notes: readonly string[]
}

type Release = () => unknown

export class Trial implements AsyncDisposable {
  readonly seed: number
  readonly random: Random
  /** Whether the long runs are wanted. */
  readonly isNightly: boolean
  /** Whether only the short form is wanted, as in `npm test`. */
  readonly isBrief: boolean
  /** What broke an invariant. */
  readonly violations: string[] = []
  readonly #minutes: number
  readonly #figures: Figure[] = []
  readonly #notes: string[] = []
  readonly #releases: Release[] = []

  constructor(seed: number, options: { isNightly?: boolean; minutes?: number; isBrief?: boolean } = {}) {
    const { isNightly = false, minutes = Number.POSITIVE_INFINITY, isBrief = false } = options
    this.seed = seed
    this.random = new Random(seed)
    this.isNightly = isNightly
    this.isBrief = isBrief
    this.#minutes = minutes
  }

  /** How long this run goes on, by night and by day. */
  seconds(nightly: number, daily: number): number {
    return this.isNightly ? Math.min(nightly, Math.round(this.#minutes * 60)) : daily
  }

  /** How many there are in this run, by night and by day; `aMinute`: about as many are done in a minute. */
  count(nightly: number, daily: number, aMinute: number): number {
    return this.isNightly ? Math.min(nightly, Math.ceil(aMinute * this.#minutes)) : daily
  }

  get result(): RowResult {
    return { figures: this.#figures, violations: this.violations, notes: this.#notes }
  }

  /** So many of so many, all of them required. */
  all(name: string, seen: number, of: number): void {
    this.#add({ name, kind: 'count', seen, unit: '', least: of, most: of })
  }

  atLeast(name: string, seen: number, least: number, unit = '', kind: FigureKind = 'count'): void {
    this.#add({ name, kind, seen, unit, least })
  }

  atMost(name: string, seen: number, most: number, unit = '', kind: FigureKind = 'count'): void {
    this.#add({ name, kind, seen, unit, most })
  }

  /** At most so many ms, on a machine that is not busy. */
  within(name: string, seenMs: number, mostMs: number): void {
    this.atMost(name, Math.round(seenMs), mostMs, 'ms', 'time')
  }

  /** Printed and not judged. */
  tell(name: string, seen: number, unit = ''): void {
    this.#add({ name, kind: 'count', seen, unit })
  }

  /** What of the row this machine cannot run, and why. */
  note(text: string): void {
    this.#notes.push(text)
  }

  /** Something to be given back when the trial is over. */
  atEnd(release: Release): void {
    this.#releases.push(release)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (let release = this.#releases.pop(); release; release = this.#releases.pop()) {
      try {
        await release()
      } catch (error) {
        this.violations.push(`I3 giving back failed: ${String(error)}`)
      }
    }
  }

  #add(figure: Figure): void {
    // On its way to the scorecard it would become null, which is less than any limit.
    if (!Number.isFinite(figure.seen)) this.violations.push(`${figure.name}: ${figure.seen} was measured`)
    this.#figures.push(figure)
  }
}
