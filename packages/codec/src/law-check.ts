// How a law says what differs: it throws an Error that holds both sides. It knows no test runner.

/** Throws unless the condition holds. `fault` says what does not. */
export function holds(condition: boolean, fault: string): void {
  if (!condition) throw new Error(fault)
}

/** Throws unless the two are the same value. `where` says what was compared. */
export function equal(actual: unknown, expected: unknown, where: string): void {
  if (Object.is(actual, expected)) return
  throw new Error(`${where}: expected ${String(expected)}, got ${String(actual)}`)
}

/** Throws at the first difference of two lists of frames. */
export function same(actual: readonly Uint8Array[], expected: readonly Uint8Array[], where: string): void {
  equal(actual.length, expected.length, `number of frames, ${where}`)
  actual.forEach((frame, index) => {
    const wanted = expected[index] as Uint8Array
    if (!isSame(frame, wanted)) equal(`[${hex(frame)}]`, `[${hex(wanted)}]`, `frame ${index}, ${where}`)
  })
}

/** Throws at the first difference of two lists of words. */
export function sameList(actual: readonly string[], expected: readonly string[], where: string): void {
  const count = Math.max(actual.length, expected.length)
  for (let index = 0; index < count; index++) {
    const [got = 'nothing', wanted = 'nothing'] = [actual[index], expected[index]]
    if (got !== wanted) equal(got.slice(0, 200), wanted.slice(0, 200), `${where}, number ${index}`)
  }
}

/** Whether two arrays hold the same bytes. */
function isSame(one: Uint8Array, other: Uint8Array): boolean {
  if (one.length !== other.length) return false
  for (let at = 0; at < one.length; at++) if (one[at] !== other[at]) return false
  return true
}

/** Bytes as text that people can compare. */
export function hex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')
}

/** What an action throws, or undefined. */
export function errorOf(action: () => unknown): unknown {
  try {
    action()
  } catch (error) {
    return error
  }
  return undefined
}
