// Chance that follows from a seed: the same seed draws the same numbers on every machine and every Node.

export class Random {
  #state: number

  constructor(seed: number) {
    this.#state = seed | 0
  }

  /** From 0 up to 1 (mulberry32). */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0
    let bits = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state)
    bits = (bits + Math.imul(bits ^ (bits >>> 7), 61 | bits)) ^ bits
    return ((bits ^ (bits >>> 14)) >>> 0) / 0x1_0000_0000
  }

  /** An integer from `least` to `most`, both included. */
  integer(least: number, most: number): number {
    return least + Math.floor(this.next() * (most - least + 1))
  }

  /** Mostly small, now and then large: as likely between 1 and 2 as between 512 and 1024. */
  magnitude(most: number): number {
    return Math.floor(2 ** (this.next() * Math.log2(most + 1)))
  }

  /** True with this probability. */
  chance(probability: number): boolean {
    return this.next() < probability
  }

  /** A source of its own, so that what one part draws does not depend on what another does. */
  fork(): Random {
    return new Random(Math.floor(this.next() * 0x1_0000_0000))
  }
}

/** A seed as people give it. Throws RangeError for what is no integer of 32 bits. */
export function checkSeed(seed: number): number {
  if (Number.isInteger(seed) && seed >= 0 && seed <= 0xffff_ffff) return seed
  throw new RangeError(`seed must be an integer from 0 to 4294967295, got ${String(seed)}`)
}
