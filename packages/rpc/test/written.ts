// What a FrameWriter puts on the wire.

import { lengthField } from '@framewire/codec'
import { turn } from '@framewire/testkit'
import { FrameWriter } from '../src/frame-writer.ts'
import { connectionOn, memoryPair, UNCUT } from './memory-channel.ts'

/** The bytes, length fields included, that leave the connection after `write`. */
export async function written(write: (writer: FrameWriter) => void, maxFrame = 65_536): Promise<Buffer> {
  const [channel] = memoryPair(UNCUT)
  const connection = connectionOn(channel, { framing: lengthField({ maxFrameLength: 0xff_ffff }) })
  write(new FrameWriter(connection, maxFrame, 4_194_304))
  await turn()
  return channel.written
}
