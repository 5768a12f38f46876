// The Language Server and the Debug Adapter Protocol: JSON behind a header of text lines.
//
//   | "Content-Length: " digits CRLF | other lines CRLF | CRLF | JSON |
//
// Source: LSP 3.17 "Base Protocol", DAP "Base protocol". The limit counts the JSON in bytes; the header has its own.

import { contentLength, type Framing } from '@framewire/codec'

export function lspMessages(maxFrameLength: number = 16 * 1024 * 1024): Framing {
  return contentLength({ maxFrameLength })
}
