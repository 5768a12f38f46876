// A few frames that a framing carries: as they stand on the wire, as one stream, and as what must be handed out.

import { join } from './chunks.ts'
import { encode } from './encode.ts'
import type { FrameVisitor } from './frame-decoder.ts'
import type { Framing } from './framing.ts'

/** A payload to encode, or a frame as it stands on the wire. */
export type Carried = { payload: Uint8Array; header?: Uint8Array | undefined } | { wire: Uint8Array }

/** Every place of a stream is tried up to this length; of a longer one those near a border, and as many besides. */
const EVERY_PLACE = 256

export class Sample {
  readonly framing: Framing
  readonly carried: readonly Carried[]
  readonly wires: readonly Uint8Array[]
  /** What is handed out. */
  readonly expected: readonly Uint8Array[]
  readonly stream: Uint8Array
  /** Where a frame begins, and the end of the last. */
  readonly borders: readonly number[]

  constructor(
    framing: Framing,
    carried: readonly Carried[],
    handsOut: (payload: Uint8Array, frame: Uint8Array) => Uint8Array = (payload) => payload,
  ) {
    this.framing = framing
    this.carried = carried
    this.wires = carried.map((each) => ('wire' in each ? each.wire : encode(framing, each.payload, each.header)))
    this.expected = carried.map((each, index) => {
      const wire = this.wires[index] as Uint8Array
      return 'wire' in each ? this.#inner(wire) : handsOut(each.payload, wire)
    })
    this.stream = join(this.wires)
    this.borders = [0, ...this.wires.map((_, index) => join(this.wires.slice(0, index + 1)).length)]
  }

  /** The last border at or before a place in the stream. */
  borderBefore(at: number): number {
    return this.borders.findLast((border) => border <= at) as number
  }

  /** How many frames stand wholly in front of a place in the stream. */
  framesBefore(at: number): number {
    return this.borders.findLastIndex((border) => border <= at)
  }

  /** Places of the stream to be tried, from the first to the last, both included. */
  places(from = 0, to: number = this.stream.length): number[] {
    const stride = Math.ceil((to - from) / EVERY_PLACE)
    return Array.from({ length: to - from + 1 }, (_, index) => from + index).filter((at) => {
      return stride <= 1 || at === to || at % stride === 0 || this.borders.some((border) => Math.abs(border - at) <= 16)
    })
  }

  #inner(wire: Uint8Array): Uint8Array {
    const from = this.framing.headerLength(wire, 0, wire.length)
    return wire.subarray(from, wire.length - this.framing.trailerLength(wire, 0, wire.length))
  }
}

/** A visitor that keeps frames. */
export function keep(frames: Uint8Array[], then?: () => false): FrameVisitor {
  return (bytes, start, end) => {
    frames.push(new Uint8Array(bytes.subarray(start, end)))
    return then?.()
  }
}
