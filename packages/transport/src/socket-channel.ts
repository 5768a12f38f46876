// A net.Socket, or another Duplex that behaves like one, as a ByteChannel. The error listener stands before anything else
// can happen and stays for life: a socket without one can take the process down (CVE-2025-59465).

import { readSync } from 'node:fs'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import type { ByteChannel } from './byte-channel.ts'
import type { Endpoint } from './endpoint.ts'

export const KEEP_ALIVE_DELAY_MS = 15_000

export class SocketChannel implements ByteChannel {
  onData: (chunk: Uint8Array) => void = ignore
  onEnd: () => void = ignore
  onDrain: () => void = ignore
  onClose: (error?: Error) => void = ignore
  readonly #socket: Duplex | Socket
  readonly #onWritten: (error?: Error | null) => void
  #error: Error | undefined
  #givenLength = 0 // bytes of the write that it has not passed on
  #isRefused = false // they were not even given to the socket

  constructor(socket: Duplex) {
    this.#socket = socket
    socket.on('error', (error) => {
      this.#error ??= error
    })
    socket.on('data', (chunk: Buffer) => this.onData(chunk))
    socket.on('end', () => {
      const error = hiddenError(socket)
      if (error === undefined) this.onEnd()
      else socket.destroy(error)
    })
    socket.on('close', () => this.onClose(this.#error))
    // Node calls this for every write, also for those that were done at once, and those that failed: only the last one
    // that went out tells.
    this.#onWritten = (error) => {
      if (error || !this.#hasPassedOn) return
      this.#givenLength = 0
      this.onDrain()
    }
  }

  /** Nothing leaves any more. */
  get #isLost(): boolean {
    return this.#isRefused || this.#socket.destroyed || this.#socket.errored != null
  }

  get #hasPassedOn(): boolean {
    return this.#socket.writableLength === 0 && !this.#isLost
  }

  /** A socket that is lost keeps nothing of what it is given, and says the same as one that has passed on all of it. */
  get bufferedLength(): number {
    return this.#isLost ? this.#givenLength : this.#socket.writableLength
  }

  /** Of one large write the kernel takes a part at a time; Node's own timeouts look at the same number. */
  get waitingLength(): number {
    const { _handle: handle } = this.#socket as unknown as { _handle?: { writeQueueSize?: number } | null }
    return handle?.writeQueueSize ?? this.#socket.writableLength
  }

  write(chunks: readonly Uint8Array[]): boolean {
    const socket = this.#socket
    const last = chunks.length - 1
    if (last > 0) socket.cork()
    for (let index = 0; index < last; index++) socket.write(chunks[index] as Uint8Array)
    socket.write(chunks[last] as Uint8Array, this.#onWritten)
    if (last > 0) socket.uncork()
    if (this.#hasPassedOn) return true
    this.#givenLength = lengthOf(chunks)
    return false
  }

  /** In place of `write`, for a stream that can take nothing any more: what it was to take is lost. */
  refuse(chunks: readonly Uint8Array[]): false {
    this.#isRefused = true
    this.#givenLength = lengthOf(chunks)
    return false
  }

  end(): void {
    this.#socket.end()
  }

  destroy(): void {
    this.#socket.destroy()
  }

  pause(): void {
    this.#socket.pause()
  }

  resume(): void {
    this.#socket.resume()
  }

  ref(): void {
    ;(this.#socket as Partial<Socket>).ref?.()
  }

  unref(): void {
    ;(this.#socket as Partial<Socket>).unref?.()
  }
}

const ONE_BYTE = new Uint8Array(1)
const LOST: ReadonlySet<unknown> = new Set(['ECONNRESET', 'ECONNABORTED', 'ENOTCONN', 'EPIPE'])

/**
 * The error that stands behind an end. When a reset arrives before the last bytes are read, libuv calls a short read the
 * end and never asks the kernel for the error (libuv/libuv#4997; so does Node 20): a lost connection would look as if
 * its peer had ended it in good order. One more read asks. Behind a true end it reads nothing.
 */
function hiddenError(socket: Duplex): Error | undefined {
  const { _handle: handle, isTTY } = socket as { _handle?: { fd?: unknown } | null; isTTY?: boolean }
  const fd = handle?.fd
  if (typeof fd !== 'number' || fd < 0 || isTTY) return undefined
  try {
    readSync(fd, ONE_BYTE, 0, 1, null)
  } catch (error) {
    return LOST.has((error as NodeJS.ErrnoException).code) ? (error as Error) : undefined
  }
  return undefined
}

function ignore(): void {}

function lengthOf(chunks: readonly Uint8Array[]): number {
  return chunks.reduce((sum, { length }) => sum + length, 0)
}

/** Both ends of a connected socket, while Node still knows them. `address` = what was connected to or listened on. */
export function endpoints(socket: Socket, address: { path: string } | object): { local: Endpoint; remote: Endpoint } {
  if ('path' in address) return { local: { path: address.path }, remote: { path: address.path } }
  const end = (host: string | undefined, port: number | undefined): Endpoint => ({ host: host ?? '', port: port ?? 0 })
  return {
    local: end(socket.localAddress, socket.localPort),
    remote: end(socket.remoteAddress, socket.remotePort),
  }
}
