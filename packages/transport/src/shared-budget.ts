// One number for the unsent bytes of many connections. A limit on each of them is no limit on all: 10,000 peers that read
// nothing would each fill their own queue.

export class SharedBudget {
  readonly #most: number
  readonly #onExceeded: () => void
  #used = 0

  /** `onExceeded` is called whenever more than `most` bytes are in use. */
  constructor(most: number, onExceeded: () => void) {
    this.#most = most
    this.#onExceeded = onExceeded
  }

  /** Bytes in use. */
  get used(): number {
    return this.#used
  }

  /** A member uses so many bytes more, or fewer where it is negative. */
  change(amount: number): void {
    this.#used += amount
    if (this.#used > this.#most && amount > 0) this.#onExceeded()
  }
}
