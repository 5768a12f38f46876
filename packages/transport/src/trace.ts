// What happened in a simulation, in order: a hash of all of it, so that two runs can be compared, and the last events in
// words, so that a failure can be read.

/** Events that are kept to be read. */
const MOST_KEPT = 256

type Entry = readonly [at: number, where: string, what: string, amount: number]

export class Trace {
  readonly #kept: Entry[] = []
  #count = 0
  #low = 0x811c9dc5
  #high = 0x01000193

  add(at: number, where: string, what: string, amount: number): void {
    this.#kept[this.#count % MOST_KEPT] = [at, where, what, amount]
    this.#count++
    this.#mix(Math.round(at * 1_000))
    this.#mixText(where)
    this.#mixText(what)
    this.#mix(amount)
  }

  /** Of all events so far, 16 hexadecimal digits. */
  get hash(): string {
    const digits = (half: number): string => (half >>> 0).toString(16).padStart(8, '0')
    return digits(this.#high) + digits(this.#low)
  }

  /** The last events, the oldest first. */
  get lines(): string[] {
    const start = Math.max(0, this.#count - MOST_KEPT)
    return Array.from({ length: this.#count - start }, (_, index) => {
      const [at, where, what, amount] = this.#kept[(start + index) % MOST_KEPT] as Entry
      return `${at.toFixed(3)} ms ${where} ${what}${amount < 0 ? '' : ` ${amount}`}`
    })
  }

  #mixText(text: string): void {
    for (let index = 0; index < text.length; index++) this.#mix(text.charCodeAt(index))
  }

  /** FNV-1a over words, twice with different offsets: not against an enemy, against chance. */
  #mix(word: number): void {
    this.#low = Math.imul(this.#low ^ word, 0x01000193)
    this.#high = Math.imul(this.#high ^ (word + this.#low), 0x85ebca6b)
    this.#high ^= this.#high >>> 15
  }
}
