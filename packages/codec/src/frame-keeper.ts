// Turns visited frames into frames that may be kept. Small neighbours in the chunk share one copied block, as Node's own
// buffer pool does: one copy a block instead of one a frame, and a kept frame pins at most its block: 16 KiB, or 16 times
// the frame that began it, 64 KiB at most. Frames that lie elsewhere are copied alone: around them stand bytes of other
// frames, maybe of another connection.

const LEAST_BLOCK = 16 * 1024
const MOST_BLOCK = 64 * 1024
/** A block holds so many frames like its first one, as far as the two bounds let it. */
const FRAMES_A_BLOCK = 16

export class FrameKeeper {
  readonly frames: Uint8Array[] = []
  readonly #chunk: Uint8Array | undefined
  #from = 0
  #to = 0
  #block: Uint8Array = new Uint8Array(0)

  /** `chunk` = where most frames will lie. */
  constructor(chunk?: Uint8Array) {
    this.#chunk = chunk
  }

  readonly visit = (bytes: Uint8Array, start: number, end: number): void => {
    if (bytes !== this.#chunk || end - start > MOST_BLOCK / 2) {
      this.frames.push(new Uint8Array(bytes.subarray(start, end)))
      return
    }
    if (start < this.#from || end > this.#to) this.#copyBlock(bytes, start, end - start)
    this.frames.push(new Uint8Array(this.#block.buffer, start - this.#from, end - start))
  }

  #copyBlock(chunk: Uint8Array, start: number, frameLength: number): void {
    const length = Math.min(MOST_BLOCK, Math.max(LEAST_BLOCK, FRAMES_A_BLOCK * frameLength))
    this.#from = start
    this.#to = Math.min(chunk.length, start + length)
    this.#block = new Uint8Array(chunk.subarray(this.#from, this.#to))
  }
}
