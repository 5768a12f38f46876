// Bytes that count how often they are looked at, to tell a search that goes on from one that starts over.

/** Counts what is read through the arrays it makes. */
export class ByteCounter {
  looks = 0

  /** The same bytes as a proxy. What only a real array can do (TextDecoder, DataView) throws, or goes uncounted. */
  over(bytes: Uint8Array): Uint8Array {
    return new Proxy(bytes, {
      get: (target, key): unknown => {
        if (typeof key === 'string' && /^\d+$/.test(key)) {
          this.looks++
          return target[Number(key)]
        }
        if (key === 'subarray') return (from?: number, to?: number) => this.over(target.subarray(from, to))
        if (key === 'indexOf') return (byte: number, from = 0) => this.#indexOf(target, byte, from)
        const value: unknown = Reflect.get(target, key, target)
        if (typeof value !== 'function') return value
        return (...parameters: unknown[]): unknown => {
          this.looks += target.length
          return Reflect.apply(value, target, parameters)
        }
      },
    })
  }

  #indexOf(bytes: Uint8Array, byte: number, from: number): number {
    const at = bytes.indexOf(byte, from)
    this.looks += (at < 0 ? bytes.length : at + 1) - Math.min(from, bytes.length)
    return at
  }
}
