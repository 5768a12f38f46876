// Redis values from items: counts the elements that arrays still miss, without recursion. Depth and elements are bounded,
// because a peer that sends "*1000000" thousands of times has sent only a few bytes.

import { FramingError, text } from '@framewire/codec'

export type RedisValue = null | boolean | number | bigint | string | Uint8Array | Error | RedisValue[]

interface OpenArray {
  values: RedisValue[]
  missing: number
}

const MAX_DEPTH = 32
const MAX_ELEMENTS = 1024 * 1024

export class RedisValues {
  readonly #open: OpenArray[] = []

  /** Takes the next item; returns the value it completes, or undefined. Maps come as arrays of keys and values in turn. */
  push(item: Uint8Array): RedisValue | undefined {
    const count = elementCount(item)
    if (count > 0) {
      if (this.#open.length === MAX_DEPTH) throw new FramingError('INVALID_HEADER', `arrays deeper than ${MAX_DEPTH}`)
      this.#open.push({ values: [], missing: count })
      return undefined
    }
    let value: RedisValue = count === 0 ? [] : scalar(item)
    for (let open = this.#open.at(-1); open !== undefined; open = this.#open.at(-1)) {
      open.values.push(value)
      open.missing -= 1
      if (open.missing > 0) return undefined
      value = open.values
      this.#open.pop()
    }
    return value
  }
}

/** How many items belong to an aggregate; -1 for everything else, a null array too. */
function elementCount(item: Uint8Array): number {
  const type = String.fromCharCode(item[0] ?? 0)
  if (!'*%~>'.includes(type)) return -1
  const digits = text.decode(item.subarray(1))
  if (digits === '-1') return -1
  const count = /^\d{1,7}$/.test(digits) ? Number(digits) * (type === '%' ? 2 : 1) : Number.POSITIVE_INFINITY
  if (count <= MAX_ELEMENTS) return count
  throw new FramingError('INVALID_HEADER', `array of ${digits.slice(0, 20)} elements, the most is ${MAX_ELEMENTS}`)
}

function scalar(item: Uint8Array): RedisValue {
  const type = String.fromCharCode(item[0] ?? 0)
  if (type === '$' || type === '!' || type === '=') return bulk(type, item)
  const line = text.decode(item.subarray(1))
  if (type === '+') return line
  if (type === '-') return new Error(line)
  if (type === ':') return Number(line)
  if (type === ',') return Number(line.replace('inf', 'Infinity'))
  if (type === '(') return BigInt(line)
  if (type === '#') return line === 't'
  if (type === '_' || type === '*') return null
  throw new FramingError('INVALID_HEADER', `RESP type ${JSON.stringify(type)} is unknown`)
}

function bulk(type: string, item: Uint8Array): RedisValue {
  const from = item.indexOf(10) + 1
  if (from === 0 && text.decode(item) === '$-1') return null
  if (from === 0) throw new FramingError('INVALID_LENGTH', 'RESP bulk with a negative length')
  const content = item.subarray(from)
  if (type === '!') return new Error(text.decode(content))
  return type === '=' ? content.subarray(4) : content // "txt:" stands in front of a verbatim string
}
