// Chunks in, frames out: the one place where message borders are restored. One decoder a connection.
//
//   chunk  |..frame..|..frame..|..fra      measured and visited where it lies, no copy
//   carry                        fra       only the frame that the chunk border split is copied
//   chunk  me..|..frame..|                 completed in the carry-over buffer, then straight on in the chunk
//
// Invariants: the result does not depend on how the bytes were cut into chunks; every byte is copied at most a constant
// number of times; a frame is visited once; the first error is final and is thrown again by every later call.

import { CarryBuffer } from './carry-buffer.ts'
import { FrameKeeper } from './frame-keeper.ts'
import { checkBytes, checkFraming, checkFunction, checkWord, type Framing, shown } from './framing.ts'
import { FramingError, frameTooLong, locate } from './framing-error.ts'

/**
 * Gets one frame as `bytes[start, end)`, valid until it returns; what stands around it may belong to another connection.
 * Returning false pauses the decoder: the rest waits for `resume`. What it throws leaves `push`; the frame counts as
 * consumed and the rest is kept.
 */
// biome-ignore lint/suspicious/noConfusingVoidType: a visitor that returns nothing goes on
export type FrameVisitor = (bytes: Uint8Array, start: number, end: number) => void | false

/** What a decoder does with frames that are too long. */
export interface FrameDecoderOptions {
  /** What a frame over the limit does: end the stream with an error, or be dropped while the stream goes on. @default 'error' */
  oversize?: 'error' | 'skip'
  /** With `'skip'`: told once for each dropped frame, when its header is seen. What it throws ends the stream. */
  onSkip?: (error: FramingError) => void
  /**
   * Makes the buffers for split frames, of that many bytes; what stands in them does not matter, so they need no zeros.
   * What it throws ends the stream; a shorter answer is a RangeError that does. Each is to be a new one: once released it
   * serves the next split frame, of any decoder.
   * @default `new Uint8Array(length)`
   */
  allocate?: (length: number) => Uint8Array
}

/** Least bytes copied at a time while a split frame's length is unknown; doubles, so a long search stays linear. */
const LEAST_STEP = 16

/** Restores the frames of one stream from its chunks, however they were cut: make one for each connection. */
export class FrameDecoder {
  #framing: Framing
  #nextFraming: Framing | undefined
  readonly #oversize: 'error' | 'skip'
  readonly #onSkip: ((error: FramingError) => void) | undefined
  readonly #carry: CarryBuffer
  #expected = 0 // whole length of the frame in the carry, 0 = unknown
  #visited = 0 // whole length of the frame that a visitor is shown where it stands in the carry, 0 = none
  #seen = 0 // bytes in the carry that measure has looked at
  #skip = 0 // bytes of an oversize frame still to drop
  #dropped = 0 // bytes of it that are gone
  #offset = 0 // stream offset of the next frame's first byte
  readonly #held = new CarryBuffer() // unread bytes behind the frame at which a visitor paused or threw
  #heldAt = 0
  #isPaused = false
  #isRunning = false
  #isEnding = false
  #failure: { error: unknown } | undefined

  constructor(framing: Framing, options: FrameDecoderOptions = {}) {
    const { oversize = 'error', onSkip, allocate } = options
    this.#carry = new CarryBuffer(checkFunction('allocate', allocate))
    this.#framing = checkFraming(framing)
    this.#oversize = checkWord('oversize', oversize, ['error', 'skip'])
    this.#onSkip = checkFunction('onSkip', onSkip)
  }

  /** Bytes that are kept: received and not handed out yet. Nothing is kept of a frame that is skipped. */
  get pendingLength(): number {
    return (this.#skip > 0 ? 0 : this.#carry.length) + this.#held.length - this.#heldAt
  }

  /** Whole length in bytes of the frame that is under way, also of one that is skipped; 0 while it is unknown or no frame is. */
  get expectedLength(): number {
    return this.#expected || this.#dropped + this.#skip
  }

  /**
   * Hands every frame that is complete now to `visit`; no object is made for a frame. Returns false once paused: give
   * no more, call `resume` (bytes given all the same are kept and delivered then).
   * Throws the stream's FramingError, after the frames in front of it, and the same one ever after.
   */
  push(chunk: Uint8Array, visit: FrameVisitor): boolean {
    this.#check('push')
    checkBytes('chunk', chunk)
    checkVisitor(visit)
    if (this.#isEnding) throw new TypeError('FrameDecoder.push after end')
    if (this.#held.length === 0 && !this.#isPaused) return this.#run(chunk, 0, chunk.length, visit)
    if (this.#heldAt > this.#held.length / 2) {
      this.#held.dropFront(this.#heldAt)
      this.#heldAt = 0
    }
    this.#held.append(chunk, 0, chunk.length, 0)
    return this.#isPaused ? false : this.#runHeld(visit)
  }

  /** Goes on after a pause, first with what was held back. Returns false when paused again. */
  resume(visit: FrameVisitor): boolean {
    this.#check('resume')
    checkVisitor(visit)
    this.#isPaused = false
    const goesOn = this.#runHeld(visit)
    if (goesOn && this.#isEnding) this.#finish(visit)
    return goesOn
  }

  /**
   * The comfortable form of `push`: frames to keep. An error behind at least one frame is thrown by the next call, so
   * that no frame is lost with it.
   */
  decode(chunk: Uint8Array): Uint8Array[] {
    const keeper = new FrameKeeper(chunk)
    try {
      this.push(chunk, keeper.visit)
    } catch (error) {
      if (keeper.frames.length === 0) throw error
    }
    return keeper.frames
  }

  /**
   * For a visitor: `bytes[start, end)` of the frame it was given, to keep. Of a split frame that fills a buffer of the decoder
   * that buffer is the caller's from now on, if half of it or more is kept; anything else is copied.
   */
  keep(bytes: Uint8Array, start: number, end: number): Uint8Array {
    const kept = bytes.subarray(start, end)
    const isFull = bytes === this.#carry.bytes && bytes.length === this.#visited
    if (!isFull || kept.length * 2 < bytes.length) return new Uint8Array(kept)
    this.#carry.leave()
    return kept
  }

  /** The stream has ended: nothing to say between frames, FRAME_TRUNCATED inside one. While paused: said on `resume`. */
  end(visit?: FrameVisitor): void {
    this.#check('end')
    if (visit !== undefined) checkVisitor(visit)
    if (!this.#isPaused && this.#held.length > 0 && visit === undefined) {
      throw new TypeError(`FrameDecoder.end needs a visitor: ${this.pendingLength} bytes wait behind one that threw`)
    }
    this.#isEnding = true
    if (!this.#isPaused) this.#finish(visit)
  }

  /** Another framing from the next frame on: a frame that has begun ends as it began (protocol upgrades). */
  setFraming(framing: Framing): void {
    if (this.#failure !== undefined) throw this.#failure.error
    checkFraming(framing)
    if (this.#carry.length === 0 || this.#isRunning) this.#framing = framing
    else this.#nextFraming = framing
  }

  /**
   * The bytes not handed out yet, a copy. This decoder is done: every later call throws a TypeError. Inside a frame that is
   * skipped it throws one at once, and goes on: what follows is the rest of that frame, which no other decoder could tell.
   */
  detach(): Uint8Array {
    this.#check('detach')
    if (this.#skip > 0) {
      throw new TypeError(`FrameDecoder.detach inside a frame that is skipped: ${this.#skip} bytes of it are to come`)
    }
    const rest = new Uint8Array(this.pendingLength)
    rest.set(this.#carry.bytes.subarray(0, this.#carry.length))
    rest.set(this.#held.bytes.subarray(this.#heldAt, this.#held.length), this.#carry.length)
    this.#fail(new TypeError('FrameDecoder is detached'))
    return rest
  }

  #run(bytes: Uint8Array, start: number, end: number, visit: FrameVisitor): boolean {
    let at = start
    this.#isRunning = true
    try {
      while (at < end && !this.#isPaused) {
        if (this.#carry.length > 0) {
          at = this.#fillCarry(bytes, at, end)
          if (this.#expected > 0 && this.#carry.length >= this.#expected) this.#visitCarry(visit)
          continue
        }
        if (this.#skip > 0) {
          at += this.#drop(end - at)
          continue
        }
        const length = this.#measure(bytes, at, end, 0)
        if (length > 0 && length <= end - at) {
          const from = at + this.#headerLength(bytes, at, length)
          const to = at + length - this.#trailerLength(bytes, at, length)
          at += length
          this.#offset += length
          if (visit(bytes, from, to) === false) this.#isPaused = true
        } else if (this.#skip === 0) {
          this.#expected = length
          this.#seen = end - at
          this.#append(this.#carry, bytes, at, end)
          at = end
        }
      }
    } finally {
      this.#isRunning = false
      this.#keepRest(bytes, at, end)
    }
    return !this.#isPaused
  }

  /** Copies as much of the chunk as the split frame needs and returns where the chunk goes on. */
  #fillCarry(bytes: Uint8Array, start: number, end: number): number {
    const carry = this.#carry
    let at = start
    while (at < end && (this.#expected === 0 || carry.length < this.#expected)) {
      const want = this.#expected > 0 ? this.#expected - carry.length : Math.max(LEAST_STEP, carry.length)
      const take = Math.min(want, end - at)
      this.#append(carry, bytes, at, at + take)
      at += take
      if (this.#expected > 0) continue
      const seen = this.#seen
      this.#seen = carry.length
      this.#expected = this.#measure(carry.bytes, 0, carry.length, seen)
      if (this.#skip > 0) {
        // The whole frame is dropped from its first byte on; what the carry holds of it has been read already.
        const had = carry.length
        this.#clearCarry()
        return at - had + this.#drop(had)
      }
    }
    // While the length was unknown more may have been copied than belongs to this frame: it still stands in the chunk.
    return this.#expected > 0 ? at - Math.max(0, carry.length - this.#expected) : at
  }

  #visitCarry(visit: FrameVisitor): void {
    const { bytes } = this.#carry
    const length = this.#expected
    const from = this.#headerLength(bytes, 0, length)
    this.#visitWhole(visit, from, length - this.#trailerLength(bytes, 0, length))
  }

  /** The carry holds the whole frame, of which [from, to) is handed out. */
  #visitWhole(visit: FrameVisitor, from: number, to: number): void {
    const { bytes } = this.#carry
    const length = this.#expected
    this.#offset += length
    this.#switchFraming()
    this.#expected = 0
    this.#carry.length = 0
    this.#visited = length
    try {
      if (visit(bytes, from, to) === false) this.#isPaused = true
    } finally {
      this.#visited = 0
      this.#clearCarry()
    }
  }

  #switchFraming(): void {
    this.#framing = this.#nextFraming ?? this.#framing
    this.#nextFraming = undefined
  }

  /** The framing's answer; its refusal becomes this decoder's final error, or a frame to skip. */
  #measure(bytes: Uint8Array, start: number, end: number, seen: number): number {
    try {
      const length = this.#framing.measure(bytes, start, end, seen)
      if (length === 0 || (length >= seen && length > 0 && Number.isSafeInteger(length))) return length
      // Bytes that were seen without an answer have left their chunk: a frame may not end among them.
      const late = length > 0 && length < seen ? ` after ${seen} were seen` : ''
      throw new FramingError('INVALID_LENGTH', `framing measured a frame of ${length} bytes${late}`)
    } catch (error) {
      return this.#refuse(error instanceof FramingError ? locate(error, this.#offset, bytes, start, end) : error, seen)
    }
  }

  #headerLength(bytes: Uint8Array, start: number, length: number): number {
    try {
      return this.#framing.headerLength(bytes, start, length)
    } catch (error) {
      throw this.#fail(error)
    }
  }

  #trailerLength(bytes: Uint8Array, start: number, length: number): number {
    try {
      return this.#framing.trailerLength(bytes, start, length)
    } catch (error) {
      throw this.#fail(error)
    }
  }

  /** Begins to skip the refused frame where that is allowed; otherwise the refusal, or what onSkip throws, is final. */
  #refuse(error: unknown, seen: number): 0 {
    let final = error
    if (this.#oversize === 'skip' && error instanceof FramingError && trusted(error.frameLength) > seen) {
      this.#skip = trusted(error.frameLength)
      this.#switchFraming()
      try {
        this.#onSkip?.(error)
        return 0
      } catch (thrown) {
        final = thrown
      }
    }
    throw this.#fail(final)
  }

  #drop(available: number): number {
    const count = Math.min(this.#skip, available)
    this.#skip -= count
    this.#dropped += count
    if (this.#skip > 0) return count
    this.#offset += this.#dropped
    this.#dropped = 0
    return count
  }

  #runHeld(visit: FrameVisitor): boolean {
    return this.#run(this.#held.bytes, this.#heldAt, this.#held.length, visit)
  }

  /** After a pause or a throw the rest waits, copied, because the chunk belongs to the caller. */
  #keepRest(bytes: Uint8Array, at: number, end: number): void {
    if (this.#failure !== undefined) return
    if (bytes === this.#held.bytes) {
      this.#heldAt = at
      if (at < end) return
      this.#held.release()
      this.#heldAt = 0
    } else if (at < end) this.#append(this.#held, bytes, at, end)
  }

  /** Without a buffer for them the bytes are lost, and the stream is over. */
  #append(buffer: CarryBuffer, bytes: Uint8Array, start: number, end: number): void {
    try {
      buffer.append(bytes, start, end, this.#expected)
    } catch (error) {
      throw this.#fail(error)
    }
  }

  #finish(visit: FrameVisitor | undefined): void {
    if (this.#held.length > 0 && visit !== undefined && !this.#runHeld(visit)) return
    const there = this.pendingLength + this.#dropped
    if (there === 0 || this.#emitUnterminated(visit)) return
    const kind = this.#skip > 0 ? 'an oversize frame' : 'a frame'
    const missing = this.#skip > 0 ? this.#skip : this.#expected - there
    const rest = missing > 0 ? `, ${missing} are missing` : ''
    const reason = `stream ended inside ${kind}: ${there} bytes are there${rest}`
    const error = new FramingError('FRAME_TRUNCATED', reason, { length: there })
    const located = locate(error, this.#offset, this.#carry.bytes, 0, this.#carry.length)
    throw this.#fail(located)
  }

  /** Where the framing takes what has no end for a last frame, and somebody is there to get it. */
  #emitUnterminated(visit: FrameVisitor | undefined): boolean {
    const { unterminated, maxFrameLength } = this.#framing
    const length = this.#carry.length
    if (unterminated !== 'emit' || visit === undefined || length === 0 || this.#expected > 0) return false
    if (length > maxFrameLength) {
      const error = locate(frameTooLong(length, maxFrameLength), this.#offset, this.#carry.bytes, 0, length)
      throw this.#fail(error)
    }
    this.#expected = length
    this.#isRunning = true
    try {
      this.#visitWhole(visit, 0, length)
    } finally {
      this.#isRunning = false
    }
    return true
  }

  /** Makes the error final, and returns it. */
  #fail(error: unknown): unknown {
    this.#failure = { error }
    this.#skip = 0
    this.#dropped = 0
    this.#clearCarry()
    this.#held.release()
    this.#heldAt = 0
    return error
  }

  #clearCarry(): void {
    this.#carry.release()
    this.#expected = 0
    this.#seen = 0
  }

  #check(method: string): void {
    if (this.#isRunning) throw new TypeError(`FrameDecoder.${method} called by its own visitor`)
    if (this.#failure !== undefined) throw this.#failure.error
  }
}

/** A length to skip by. A framing of the user's own may say anything. */
function trusted(frameLength: number | undefined): number {
  return Number.isSafeInteger(frameLength) ? (frameLength as number) : 0
}

/** At the call: found at the first frame, that frame would be lost. */
function checkVisitor(visit: FrameVisitor): void {
  if (typeof visit !== 'function') throw new TypeError(`visit must be a function, got ${shown(visit)}`)
}
