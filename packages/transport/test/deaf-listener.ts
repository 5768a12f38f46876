// A TCP port on loopback whose listener never accepts: once its short backlog is full the kernel drops further attempts
// to connect, which is what a host that does not answer looks like.

import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import { within } from '@framewire/testkit'
import { onTestFinished } from 'vitest'

const SOURCE = `
const { createServer } = require('node:net')
const { parentPort } = require('node:worker_threads')
const server = createServer().listen({ port: 0, host: '127.0.0.1', backlog: 1 }, () => {
  parentPort.postMessage(server.address().port)
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)
})`

/** The port. The listener is gone when the test is over. */
export async function deafListener(): Promise<number> {
  const worker = new Worker(SOURCE, { eval: true })
  onTestFinished(async () => void (await worker.terminate()))
  const [port] = (await within('the deaf listener', once(worker, 'message'))) as [number]
  return port
}
