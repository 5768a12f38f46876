// One number that a row has measured, and what it must be. Counts say the same on every machine; times and paces depend
// on how busy it is, so they are judged with what the machine itself was late, and only by the scorecard.

/** `count`: any number the machine has no part in. `time`: in ms. `pace`: a rate or a ratio of rates. */
export type FigureKind = 'count' | 'time' | 'pace'

export interface Figure {
  readonly name: string
  readonly kind: FigureKind
  readonly seen: number
  readonly unit: string
  readonly least?: number | undefined
  readonly most?: number | undefined
}

/** A machine that is later than that is too busy to measure on. */
const MOST_LATE_MS = 1_000

/** `lateMs`: how late the timers of an idle process were meanwhile. */
export function isMet({ kind, seen, least, most }: Figure, lateMs: number): boolean {
  const allowed = kind === 'time' ? Math.min(lateMs, MOST_LATE_MS) : 0
  return seen >= (least ?? Number.NEGATIVE_INFINITY) && seen <= (most ?? Number.POSITIVE_INFINITY) + allowed
}

/** Whether it is printed and not judged. */
export function isTold({ least, most }: Figure): boolean {
  return least === undefined && most === undefined
}

/** What was required, in words. */
export function requiredText({ name, least, most, unit }: Figure): string {
  if (least !== undefined && least === most) return `${name}: ${withUnit(least, unit)}`
  if (most !== undefined) return `${name}: at most ${withUnit(most, unit)}`
  return least === undefined ? name : `${name}: at least ${withUnit(least, unit)}`
}

/** What was seen, in words. */
export function seenText({ seen, unit }: Figure): string {
  return withUnit(seen, unit)
}

function withUnit(value: number, unit: string): string {
  const rounded = Number.isInteger(value) ? value : Number(value.toPrecision(3))
  const text = rounded.toLocaleString('en-US', { maximumFractionDigits: 3 })
  return unit === '' ? text : `${text} ${unit}`
}
