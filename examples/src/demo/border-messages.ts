// What part 1 sends: numbered messages of different lengths, the same in both processes, in bursts as a busy program
// writes them; and what the receiving side answers when it has seen them all.
import { json, type MessageCodec } from '@framewire/codec'

export const MESSAGE_COUNT = 2_000
export const SHORTEST = 24
export const LONGEST = 150
const LONGEST_BURST = 40

/** Message `number`, from 0 on: its number and as much filling as its length needs. */
export function numberedMessage(number: number): Buffer {
  const length = SHORTEST + ((number * 37) % (LONGEST - SHORTEST + 1))
  return Buffer.from(`message ${number} `.padEnd(length, '.'))
}

/** The messages, in groups that are written without a pause. */
export function* bursts(): Generator<Buffer[]> {
  let number = 0
  for (let burst = 0; number < MESSAGE_COUNT; burst++) {
    const length = Math.min(1 + ((burst * 17) % LONGEST_BURST), MESSAGE_COUNT - number)
    yield Array.from({ length }, () => numberedMessage(number++))
  }
}

/** What came out on the receiving side. */
export interface BorderReport {
  /** `data` events of its socket. */
  chunks: number
  /** What it was handed: chunks by a bare socket, messages by Framewire. */
  pieces: number
  /** Pieces that are one whole message, byte for byte. */
  whole: number
  /** Pieces that are the very message that was sent at this place. */
  inOrder: number
  /** Of all pieces. */
  bytes: number
}

export const borderReports: MessageCodec<BorderReport> = json<BorderReport>()
