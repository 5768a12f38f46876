// Child process: makes the codec cell its parent asks for, and answers with it. It ends when its parent does.
import { decodingCell, encodingCell } from './codec-cells.ts'

export interface CodecOrder {
  /** Payload of the frames to decode; undefined for encoding. */
  size: number | undefined
  rounds: number
}

process.on('SIGINT', () => {})
process.once('disconnect', () => process.exit(0))
process.on('message', async ({ size, rounds }: CodecOrder) => {
  try {
    const cell = size === undefined ? await encodingCell(rounds) : await decodingCell(size, rounds)
    process.send?.({ cell })
  } catch (error) {
    process.send?.({ failure: String(error) })
  }
})
