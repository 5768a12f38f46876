// The calls of a connection by stream id. Ids rise by 2 and are never reused, so the low bits of an id are a free slot of
// a small array almost always: several times cheaper than a Map. The few that meet a long-lived call go to a Map.
// Invariant: a call is in its slot or in the overflow, never in both.

interface Call {
  readonly id: number
}

const LEAST_SLOTS = 32

export class CallTable<T extends Call> {
  #slots: (T | undefined)[] = new Array(LEAST_SLOTS).fill(undefined)
  #mask = LEAST_SLOTS - 1
  #size = 0
  readonly #overflow = new Map<number, T>()

  get size(): number {
    return this.#size
  }

  get(id: number): T | undefined {
    const call = this.#slots[(id >>> 1) & this.#mask]
    if (call !== undefined && call.id === id) return call
    return this.#overflow.size === 0 ? undefined : this.#overflow.get(id)
  }

  /** Adds a call whose id is not in the table. */
  add(call: T): void {
    if (++this.#size * 2 > this.#slots.length) this.#grow()
    this.#place(call)
  }

  /** Takes the call with this id out, if it is there. */
  delete(id: number): T | undefined {
    const at = (id >>> 1) & this.#mask
    const call = this.#slots[at]
    if (call !== undefined && call.id === id) {
      this.#slots[at] = undefined
      this.#size--
      return call
    }
    if (this.#overflow.size === 0) return undefined
    const other = this.#overflow.get(id)
    if (this.#overflow.delete(id)) this.#size--
    return other
  }

  /** All calls, in no order; the table is empty before the first is handed out. */
  takeAll(): T[] {
    const calls = this.values()
    this.#slots = new Array(LEAST_SLOTS).fill(undefined)
    this.#mask = LEAST_SLOTS - 1
    this.#size = 0
    this.#overflow.clear()
    return calls
  }

  values(): T[] {
    return [...this.#slots.filter((call) => call !== undefined), ...this.#overflow.values()]
  }

  #place(call: T): void {
    const at = (call.id >>> 1) & this.#mask
    if (this.#slots[at] === undefined) this.#slots[at] = call
    else this.#overflow.set(call.id, call)
  }

  #grow(): void {
    const calls = this.values()
    const length = this.#slots.length * 2
    this.#slots = new Array(length).fill(undefined)
    this.#mask = length - 1
    this.#overflow.clear()
    for (const call of calls) this.#place(call)
  }
}
