// What part 2 sends, all on one connection: for each file a header, its contents as messages of at most 64 KiB, and an
// empty message; behind the last file the header `end`. The answer says what came out.
import { json, type MessageCodec } from '@framewire/codec'

export const MAX_PIECE = 64 * 1024
export const END_OF_FILE: Uint8Array = new Uint8Array()

export type FileHeader = { file: string } | { end: true }
export const fileHeaders: MessageCodec<FileHeader> = json<FileHeader>()

/** What was sent, or received, as its process saw it. */
export interface FileReport {
  files: number
  /** Of contents. */
  bytes: number
  /** Of all contents one after the other, in hex. */
  sha256: string
  /** The most memory the process has had so far, in bytes. */
  peakMemory: number
}
export const fileReports: MessageCodec<FileReport> = json<FileReport>()

/** The peak of the resident set of this process, in bytes. */
export function peakMemory(): number {
  return process.resourceUsage().maxRSS * 1024
}
