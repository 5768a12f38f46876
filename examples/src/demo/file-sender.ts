// The sending side of part 2: files as messages, never faster than the connection takes them, within a limit on bytes
// and on time. `send` answers false when enough waits; then `drained` is awaited before the next message.
import { createHash } from 'node:crypto'
import { open } from 'node:fs/promises'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { type Connection, TransportError } from '@framewire/transport'
import { END_OF_FILE, type FileReport, fileHeaders, MAX_PIECE, peakMemory } from './file-messages.ts'
import type { FileSet, SourceFile } from './file-set.ts'

const MiB = 1024 * 1024
export const MAX_BYTES = 512 * MiB
const MAX_SECONDS = 4

export class FileSender {
  /** How often `send` said false. */
  refusals = 0
  /** How often the connection said `drain`. */
  drains = 0
  /** The most bytes that waited in the connection. */
  mostWaiting = 0
  /** How often a file could not be read. */
  unreadable = 0
  /** How often the whole set went through. */
  rounds = 0
  /** The limit that ended the sending early. */
  limit: string | undefined
  readonly #connection: Connection
  readonly #onProgress: (bytes: number) => void
  readonly #hash = createHash('sha256')
  readonly #endsAt = performance.now() + MAX_SECONDS * 1_000
  #files = 0
  #bytes = 0
  #shownBytes = 0

  constructor(connection: Connection, onProgress: (bytes: number) => void) {
    this.#connection = connection
    this.#onProgress = onProgress
    connection.on('drain', () => this.drains++)
  }

  /** Sends all files `rounds` times, or up to the limit, and returns what went out. */
  async send({ files }: FileSet, rounds: number): Promise<FileReport> {
    while (this.rounds < rounds && (await this.#sendRound(files))) this.rounds++
    await this.#send(fileHeaders.encode({ end: true }))
    this.#onProgress(this.#bytes)
    return { files: this.#files, bytes: this.#bytes, sha256: this.#hash.digest('hex'), peakMemory: peakMemory() }
  }

  /** Whether all of them went through. */
  async #sendRound(files: readonly SourceFile[]): Promise<boolean> {
    for (const file of files) {
      if (this.#hasToStop()) return false
      const pieces = await this.#open(file)
      if (pieces !== undefined) await this.#sendFile(file.name, pieces)
    }
    return this.limit === undefined
  }

  async #open({ path, contents }: SourceFile): Promise<Iterable<Uint8Array> | AsyncIterable<Uint8Array> | undefined> {
    if (contents !== undefined) return piecesOf(contents)
    try {
      return (await open(path)).createReadStream({ highWaterMark: MAX_PIECE })
    } catch {
      this.unreadable++
      return undefined
    }
  }

  async #sendFile(name: string, pieces: Iterable<Uint8Array> | AsyncIterable<Uint8Array>): Promise<void> {
    await this.#send(fileHeaders.encode({ file: name }))
    try {
      for await (const piece of pieces) {
        if (this.#hasToStop()) break
        await this.#sendPiece(piece)
      }
    } catch (error) {
      if (error instanceof TransportError) throw error
      this.unreadable++
    }
    await this.#send(END_OF_FILE)
    this.#files++
  }

  async #sendPiece(piece: Uint8Array): Promise<void> {
    await this.#send(piece)
    this.#hash.update(piece)
    this.#bytes += piece.length
    if (this.#bytes - this.#shownBytes < MiB) return
    this.#shownBytes = this.#bytes
    this.#onProgress(this.#bytes)
    // While the kernel takes everything at once, `drained` resolves within the same turn: let timers and signals in.
    await nextTurn()
  }

  async #send(message: Uint8Array): Promise<void> {
    const goesOn = this.#connection.send(message)
    this.mostWaiting = Math.max(this.mostWaiting, this.#connection.bufferedAmount)
    if (goesOn) return
    this.refusals++
    await this.#connection.drained()
  }

  /** Asked only where something is left to send. */
  #hasToStop(): boolean {
    if (this.#bytes >= MAX_BYTES) this.limit ??= `${MAX_BYTES / MiB} MiB`
    else if (performance.now() >= this.#endsAt) this.limit ??= `${MAX_SECONDS} s`
    return this.limit !== undefined
  }
}

function* piecesOf(contents: Uint8Array): Generator<Uint8Array> {
  for (let at = 0; at < contents.length; at += MAX_PIECE) yield contents.subarray(at, at + MAX_PIECE)
}
