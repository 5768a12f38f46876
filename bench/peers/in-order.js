// Replies without an id: the oldest call gets the next one. For peers that are a way to send messages and no RPC.

export class InOrder {
  #waiting = []
  #head = 0
  #failure

  /** Resolves with the reply to what is sent now. */
  next() {
    if (this.#failure !== undefined) return Promise.reject(this.#failure)
    return new Promise((resolve, reject) => this.#waiting.push({ resolve, reject }))
  }

  take(reply) {
    const oldest = this.#waiting[this.#head++]
    if (oldest === undefined) throw new Error('a reply that nobody waits for')
    if (this.#head === this.#waiting.length) {
      this.#waiting.length = 0
      this.#head = 0
    } else if (this.#head === 4_096) {
      this.#waiting.splice(0, this.#head)
      this.#head = 0
    }
    oldest.resolve(reply)
  }

  fail(error) {
    this.#failure ??= error
    for (const { reject } of this.#waiting.splice(this.#head)) reject(this.#failure)
    this.#head = 0
    this.#waiting.length = 0
  }
}
