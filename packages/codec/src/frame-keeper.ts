// Turns visited frames into frames that may be kept. Small neighbours in the chunk share one copied block, as Node's own
// buffer pool does: one copy a block instead of one a frame, and a kept frame pins at most a block. Frames that lie
// elsewhere are copied alone: around them stand bytes of other frames, maybe of another connection.

const BLOCK_LENGTH = 16 * 1024

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
    if (bytes !== this.#chunk || end - start > BLOCK_LENGTH / 2) {
      this.frames.push(new Uint8Array(bytes.subarray(start, end)))
      return
    }
    if (start < this.#from || end > this.#to) this.#copyBlock(bytes, start)
    this.frames.push(new Uint8Array(this.#block.buffer, start - this.#from, end - start))
  }

  #copyBlock(chunk: Uint8Array, start: number): void {
    this.#from = start
    this.#to = Math.min(chunk.length, start + BLOCK_LENGTH)
    this.#block = new Uint8Array(chunk.subarray(this.#from, this.#to))
  }
}
