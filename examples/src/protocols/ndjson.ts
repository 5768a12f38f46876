// NDJSON (JSON Lines): one JSON text a line. JSON escapes line ends inside strings, so none stands in a text.
//
//   | JSON text | LF |      CRLF is read too
//
// Source: ndjson-spec 1.0 sections 3.1 and 3.2; jsonlines.org. The limit counts the JSON text in bytes. An empty line is a
// frame of 0 bytes; whether it is skipped is up to the reader.

import { type Framing, lines } from '@framewire/codec'

export function ndjson(maxFrameLength: number = 1024 * 1024): Framing {
  return lines({ maxFrameLength })
}

/** Files often lack the last line end: there the rest is a last frame. A socket that was cut must not look like that. */
export function ndjsonFile(maxFrameLength: number = 1024 * 1024): Framing {
  return lines({ maxFrameLength, unterminated: 'emit' })
}
