// A Receiver over a FakeChannel, with an owner that stands in for the connection.

import { type ConnectionOptions, checkOptions } from '../src/options.ts'
import { Receiver } from '../src/receiver.ts'
import { callbackError, type TransportError } from '../src/transport-error.ts'
import { FakeChannel } from './fake-channel.ts'
import { frames, text } from './messages.ts'

/** Notes what happens to it. `listen` and `listenOnce` do what an emitter's `on` and `once` lead to. */
export function setUpReceiver(options: ConnectionOptions = {}) {
  const channel = new FakeChannel()
  const seen = { messages: [] as string[], failures: [] as TransportError[], finished: 0 }
  const owner = {
    listener: undefined as ((message: Uint8Array) => void) | undefined,
    hasListeners: () => owner.listener !== undefined,
    emitMessage: (message: Uint8Array) => owner.listener?.(message),
    onRead: () => {},
    onHeldUp: () => {},
    onBroken: (error: TransportError) => {
      seen.failures.push(error)
      receiver.stop()
    },
    onThrown: (thrown: unknown) => owner.onBroken(callbackError(thrown)),
    onFinished: () => {
      seen.finished++
    },
  }
  const receiver: Receiver = new Receiver(channel, checkOptions(options), owner)
  const bring = (...texts: string[]) => receiver.push(new Uint8Array(frames(...texts)))
  const note = (message: Uint8Array) => void seen.messages.push(text(message))
  const listen = (listener: (message: Uint8Array) => void = note) => {
    owner.listener = listener
    receiver.goOn()
  }
  const listenOnce = (listener: (message: Uint8Array) => void = note) => {
    listen((message) => {
      owner.listener = undefined
      listener(message)
    })
  }
  const sink = (answer?: false) => (bytes: Uint8Array, start: number, end: number) => {
    note(bytes.subarray(start, end))
    return answer
  }
  return { channel, receiver, owner, seen, bring, listen, listenOnce, note, sink }
}
