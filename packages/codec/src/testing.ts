export { framingLaws } from './framing-laws.ts'
export type { FramingLaw, FramingLawOptions } from './law-subject.ts'
