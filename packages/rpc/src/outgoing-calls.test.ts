import { lengthField } from '@framewire/codec'
import { systemClock } from '@framewire/transport'
import { expect, test } from 'vitest'
import { readFrames } from '../test/frames.ts'
import { connectionOn, memoryPair, UNCUT } from '../test/memory-channel.ts'
import { quiet, rejection, turn } from '../test/waiting.ts'
import { json } from './codec.ts'
import { FrameWriter } from './frame-writer.ts'
import { checkLimits } from './limits.ts'
import { Memory } from './message-buffer.ts'
import { OutgoingCalls } from './outgoing-calls.ts'
import { outgoingMethod } from './outgoing-method.ts'
import { Scheduler } from './scheduler.ts'

test('calls that find no stream id left are UNAVAILABLE, surely not processed, and none is sent near the end of the ids', async () => {
  const [channel] = memoryPair(UNCUT)
  const connection = connectionOn(channel, { framing: lengthField({ maxFrameLength: 65_536 }) })
  const scheduler = new Scheduler(connection, new FrameWriter(connection, 65_536, 65_536), 65_536)
  const calls = new OutgoingCalls(
    connection,
    scheduler,
    { maxStreams: 128, credit: 65_536 },
    {
      firstId: 0x7fff_fefd,
      limits: checkLimits(),
      clock: systemClock,
      memory: new Memory(65_536),
      watchDeadline: () => {},
      onSettled: () => {},
      onMessage: () => {},
      onError: () => {},
    },
  )
  const [echo, tell] = (['unary', 'oneway'] as const).map((kind) => outgoingMethod('work.do', kind, json, {}))
  if (echo === undefined || tell === undefined) throw new TypeError('two methods')
  void quiet(calls.call(echo, 1, {}))
  await calls.call(tell, 2, {})
  for (const method of [echo, tell]) {
    const error = { code: 'UNAVAILABLE', notProcessed: true, message: 'stream ids are used up' }
    expect(await rejection(calls.call(method, 3, {}))).toMatchObject(error)
  }
  expect(calls.size).toBe(1)
  await turn()
  expect(readFrames(channel.written).frames.map(({ id }) => id)).toEqual([0x7fff_fefd, 0x7fff_feff])
})
