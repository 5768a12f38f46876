// What a handler does besides the echo, where a cell wants servers that are busy: a hash of the same bytes, call by call.
import { createHash } from 'node:crypto'

/** Undefined for nothing, so that plain echoes do not pay for the question. */
export function handlerWork(hashedBytes: number): (() => void) | undefined {
  if (hashedBytes === 0) return undefined
  const bytes = new Uint8Array(hashedBytes)
  return () => void createHash('sha256').update(bytes).digest()
}
