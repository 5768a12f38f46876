// A message that is given in several parts.

export function checkParts(parts: readonly Uint8Array[]): void {
  if (Array.isArray(parts) && parts.every((part) => part instanceof Uint8Array)) return
  throw new TypeError('a message must be a Uint8Array or an array of them')
}

/** The parts as one message, a copy. */
export function join(parts: readonly Uint8Array[], length: number): Uint8Array {
  const message = new Uint8Array(length)
  let at = 0
  for (const part of parts) {
    message.set(part, at)
    at += part.length
  }
  return message
}
