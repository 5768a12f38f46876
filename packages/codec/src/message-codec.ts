// What stands in a frame: messages to payloads and back. Three codecs; anything else is an object with two functions.

import { shown } from './framing.ts'
import { FramingError } from './framing-error.ts'

/** Turns the application's messages into payloads and back. Usable with any framing. */
export interface MessageCodec<Out, In = Out> {
  /** Throws FramingError UNENCODABLE for a message that has no bytes in this codec. */
  encode(message: Out): Uint8Array
  /** The message that the payload is; throws for one that is none. */
  decode(payload: Uint8Array): In
}

/** Payloads as they are, the same array, not a copy. */
export const bytes: MessageCodec<Uint8Array> = {
  encode: (message) => message,
  decode: (payload) => payload,
}

const encoder = new TextEncoder()
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/**
 * UTF-8 text, strict both ways: a lone surrogate is UNENCODABLE, malformed UTF-8 a TypeError; nothing is replaced
 * silently. A byte order mark is kept. What is no text is a TypeError.
 */
export const text: MessageCodec<string> = {
  encode(message) {
    // TextEncoder would make an empty message of undefined, and "null" of null.
    if (typeof message !== 'string') throw new TypeError(`message must be text, got ${shown(message)}`)
    if (hasLoneSurrogate(message))
      throw new FramingError('UNENCODABLE', 'text has a lone surrogate, which UTF-8 cannot say')
    return encoder.encode(message)
  },
  decode: (payload) => decoder.decode(payload),
}

/** JSON as UTF-8. A value that JSON drops (undefined, a function, a symbol) is UNENCODABLE; malformed JSON a SyntaxError. */
export function json<T>(): MessageCodec<T> {
  return {
    encode(message) {
      const source: string | undefined = JSON.stringify(message)
      if (source === undefined) throw new FramingError('UNENCODABLE', `JSON has no text for ${typeof message}`)
      return encoder.encode(source)
    },
    decode: (payload) => JSON.parse(decoder.decode(payload)) as T,
  }
}

function hasLoneSurrogate(message: string): boolean {
  return /\p{Surrogate}/u.test(message)
}
