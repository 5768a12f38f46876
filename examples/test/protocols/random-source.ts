// Numbers that look random and come again from the same seed: SEED=123 repeats a run whose name shows that seed.

export const SEED: number = Number(process.env.SEED ?? Math.floor(Math.random() * 2 ** 31))

export class RandomSource {
  #state: number

  constructor(seed: number = SEED) {
    this.#state = seed >>> 0
  }

  /** An integer from 0 to below `bound` (mulberry32). */
  below(bound: number): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), this.#state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * bound)
  }

  bytes(length: number): Uint8Array {
    return Uint8Array.from({ length }, () => this.below(256))
  }
}
