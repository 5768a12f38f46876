// A wall clock that jumps: `Date` of this process is off by so many ms from now on. Timers and `performance` go on.

const RealDate = Date

class ShiftedDate extends RealDate {
  static offsetMs = 0

  constructor(...values: readonly [] | readonly [number | string]) {
    super(values.length === 0 ? RealDate.now() + ShiftedDate.offsetMs : values[0])
  }

  static override now(): number {
    return RealDate.now() + ShiftedDate.offsetMs
  }
}

export function setTimeOffset(ms: number): void {
  ShiftedDate.offsetMs = ms
  globalThis.Date = (ms === 0 ? RealDate : ShiftedDate) as DateConstructor
}
