// What an EventEmitter can tell of its listeners and Node's types leave out: that one is about to be added, and what an
// async one threw.

import { EventEmitter } from 'node:events'

/** Tells when a listener for `event` is about to be added. */
export function onNewListener(emitter: object, event: string, added: () => void): void {
  const untyped = emitter as EventEmitter
  untyped.on('newListener', (name) => {
    if (name === event) added()
  })
}

/** Tells what an async listener of an emitter with `captureRejections` threw, and what it was called with. */
export function onRejection(emitter: object, threw: (error: unknown, event: string, subject: unknown) => void): void {
  const untyped = emitter as EventEmitter
  untyped[EventEmitter.captureRejectionSymbol] = (error, event, ...subjects) => threw(error, String(event), subjects[0])
}
