// Gathers the floor's frames in one slab and hands them to the socket with one write. `socket.write` mostly reaches the
// kernel before it returns, and then the slab is used again from its start; if not, the bytes in it belong to the socket.
// Invariant: `#slab[0, #written)` was given to the socket, `#slab[#written, #filled)` waits for the next flush.
import type { Socket } from 'node:net'
import { HEADER_BYTES } from './floor-reader.ts'

// 1,024 frames of 32 B are 40 KiB: a tick of the deepest cell fits twice.
const SLAB_BYTES = 128 * 1024
// Up to here a byte loop is faster than `set`, which needs a view for a part of a chunk.
const LOOP_COPY_BYTES = 64

export class FloorWriter {
  readonly #socket: Socket
  #slab = Buffer.allocUnsafeSlow(SLAB_BYTES)
  #written = 0
  #filled = 0

  constructor(socket: Socket) {
    this.#socket = socket
  }

  add(id: number, bytes: Uint8Array, start: number, end: number): void {
    const size = HEADER_BYTES + end - start
    if (this.#filled + size > this.#slab.length) this.#makeRoom(size)
    const slab = this.#slab
    let at = this.#filled
    this.#filled = at + size
    writeU32(slab, at, size - 4)
    writeU32(slab, at + 4, id)
    at += HEADER_BYTES
    if (end - start > LOOP_COPY_BYTES) slab.set(bytes.subarray(start, end), at)
    else for (let from = start; from < end; from++) slab[at++] = bytes[from] as number
  }

  flush(): void {
    if (this.#filled === this.#written) return
    this.#socket.write(this.#slab.subarray(this.#written, this.#filled))
    if (this.#socket.writableLength === 0) this.#filled = 0
    this.#written = this.#filled
  }

  #makeRoom(size: number): void {
    this.flush()
    if (this.#filled + size <= this.#slab.length) return
    this.#slab = Buffer.allocUnsafeSlow(Math.max(SLAB_BYTES, size))
    this.#filled = 0
    this.#written = 0
  }
}

function writeU32(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >>> 24
  bytes[at + 1] = value >>> 16
  bytes[at + 2] = value >>> 8
  bytes[at + 3] = value
}
