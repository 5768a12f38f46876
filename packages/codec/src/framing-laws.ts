// The laws that every framing keeps, for users who write their own and for our presets alike: rules of delivery, of
// encoding, and against hostile bytes, each a property that fast-check tries and shrinks.

import { DELIVERY_LAWS } from './delivery-laws.ts'
import { ENCODING_LAWS } from './encoding-laws.ts'
import type { Framing } from './framing.ts'
import { HOSTILE_LAWS } from './hostile-laws.ts'
import { type FramingLaw, type FramingLawOptions, LawSubject } from './law-subject.ts'
import { LIMIT_LAWS } from './limit-laws.ts'

/**
 * The laws for one framing: `for (const law of framingLaws(mine)) test(law.name, () => law.check())`.
 * A framing that only decodes brings whole frames with `frame`; without them only what holds for any bytes is checked.
 * Throws TypeError where no payload is found that the framing encodes: then bring `payload`.
 */
export function framingLaws(framing: Framing, options: FramingLawOptions = {}): FramingLaw[] {
  const subject = new LawSubject(framing, options)
  const delivery = subject.hasFrames ? DELIVERY_LAWS : []
  const encoding = subject.isEncoding ? [...ENCODING_LAWS, ...LIMIT_LAWS] : []
  return [...delivery, ...encoding, ...HOSTILE_LAWS].map(({ name, check }) => ({ name, check: () => check(subject) }))
}
