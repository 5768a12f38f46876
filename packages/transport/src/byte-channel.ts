// The seam between a connection and whatever moves its bytes. A connection knows no socket: TCP, unix sockets, memory
// and a simulated network all look like this.

/**
 * An ordered pipe of bytes in both directions. Its owner sets the callbacks before anything arrives. It calls none of
 * them from within one of its own methods, and no `onData` or `onEnd` between `pause` and `resume`.
 */
export interface ByteChannel {
  /**
   * Takes all chunks, in order; they must not change until they have left. True = all of them are with the kernel and
   * may be reused at once; false = `onDrain` follows when they are.
   */
  write(chunks: readonly Uint8Array[]): boolean
  /** Bytes taken and not yet with the kernel. */
  readonly bufferedLength: number
  /** Changes whenever the kernel takes some of them; as `bufferedLength` where that is all there is to know. */
  readonly waitingLength?: number
  /** Whether the way to the peer is still being made; `onOpen` follows once it stands. */
  readonly isConnecting?: boolean
  /** Nothing more will be written: FIN after what was taken. */
  end(): void
  /** Ends both directions at once and drops what was not written. `onClose` follows. */
  destroy(): void
  /** No `onData` and no `onEnd` until `resume`. */
  pause(): void
  /** Goes on after `pause`. */
  resume(): void
  /** Whether it keeps the process alive. */
  ref?(): void
  /** Lets the process end although the channel is open. */
  unref?(): void
  /** The way to the peer stands, where `isConnecting` was true. */
  onOpen?: () => void
  /** A piece of the stream. The bytes are the owner's to keep. */
  onData: (chunk: Uint8Array) => void
  /** The peer has ended its direction. */
  onEnd: () => void
  /** What `write` answered false about is with the kernel. */
  onDrain: () => void
  /** Nothing more will happen; with the error that ended it, if one did. Called exactly once. */
  onClose: (error?: Error) => void
}
