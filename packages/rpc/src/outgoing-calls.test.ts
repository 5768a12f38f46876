import { lengthField } from '@framewire/codec'
import { quiet, rejection, turn } from '@framewire/testkit'
import { systemClock } from '@framewire/transport'
import { expect, onTestFinished, test, vi } from 'vitest'
import { readFrames } from '../test/frames.ts'
import { connectionOn, memoryPair, UNCUT } from '../test/memory-channel.ts'
import { json } from './codec.ts'
import { FrameWriter } from './frame-writer.ts'
import { checkLimits } from './limits.ts'
import { Memory } from './message-buffer.ts'
import { OutgoingCall } from './outgoing-call.ts'
import { OutgoingCalls } from './outgoing-calls.ts'
import { outgoingMethod } from './outgoing-method.ts'
import { RpcError } from './rpc-error.ts'
import { Scheduler } from './scheduler.ts'

/** Calls on a connection in memory whose other end nobody reads. */
function callsOn({ firstId = 1, maxStreams = 128, maxFrame = 65_536 }) {
  const [channel] = memoryPair(UNCUT)
  const connection = connectionOn(channel, { framing: lengthField({ maxFrameLength: 65_536 }) })
  const scheduler = new Scheduler(connection, new FrameWriter(connection, maxFrame, 65_536), 65_536)
  const calls = new OutgoingCalls(
    connection,
    scheduler,
    { maxStreams, credit: 65_536 },
    {
      firstId,
      limits: checkLimits(),
      clock: systemClock,
      memory: new Memory(65_536),
      watchDeadline: () => {},
      onSettled: () => {},
      onMessage: () => {},
      onError: () => {},
    },
  )
  scheduler.connect(
    () => calls.startQueued(),
    () => {},
  )
  return { calls, channel }
}

const [echo, tell] = [outgoingMethod('work.do', 'unary', json, {}), outgoingMethod('work.do', 'oneway', json, {})]

test('calls that find no stream id left are UNAVAILABLE, surely not processed, and none is sent near the end of the ids', async () => {
  const { calls, channel } = callsOn({ firstId: 0x7fff_fefd })
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

test('a refusal is for every call that waits: none is sent because the one before it has failed', async () => {
  const { calls, channel } = callsOn({ maxStreams: 1 })
  void quiet(calls.call(echo, 'under way', {}))
  const waiting = [echo, tell].map((method) => quiet(calls.call(method, 'waits', {})))
  calls.refuse(new RpcError('UNAVAILABLE', 'no more', { notProcessed: true }))
  for (const call of waiting) expect(await rejection(call)).toMatchObject({ code: 'UNAVAILABLE', notProcessed: true })
  await turn()
  expect(readFrames(channel.written).frames.map(({ id }) => id)).toEqual([1])
})

test('a oneway in several frames settles once', async () => {
  const answer = vi.spyOn(OutgoingCall.prototype, 'answer')
  onTestFinished(() => answer.mockRestore())
  const { calls, channel } = callsOn({ maxFrame: 1_024 })
  await calls.call(tell, 'x'.repeat(3_000), {})
  expect(answer).toHaveBeenCalledTimes(1)
  expect(calls.size).toBe(0)
  await turn()
  expect(readFrames(channel.written).frames.map(({ id }) => id)).toEqual([1, 1, 1])
})
