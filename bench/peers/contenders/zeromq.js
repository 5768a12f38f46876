// zeromq: a Dealer at each end; replies come in order.
import { Dealer } from 'zeromq'
import { InOrder } from '../in-order.js'
import { overBytes } from '../values.js'

/** A socket takes one `send` at a time. */
function sender(socket) {
  let queue = []
  let isSending = false
  return async (message) => {
    queue.push(message)
    if (isSending) return
    isSending = true
    while (queue.length > 0) {
      const batch = queue
      queue = []
      for (const each of batch) await socket.send(each)
    }
    isSending = false
  }
}

async function serve(work) {
  const { echo } = overBytes[work]
  const socket = new Dealer()
  await socket.bind('tcp://127.0.0.1:0')
  const port = Number(/:(\d+)$/.exec(socket.lastEndpoint)[1])
  const send = sender(socket)
  const run = async () => {
    for await (const [message] of socket) send(echo(message)).catch(() => {})
  }
  run().catch(() => {})
  return { port, close: async () => socket.close() }
}

async function connect(port, work) {
  const { pack, unpack } = overBytes[work]
  const socket = new Dealer()
  socket.connect(`tcp://127.0.0.1:${port}`)
  const replies = new InOrder()
  const send = sender(socket)
  const run = async () => {
    for await (const [message] of socket) replies.take(unpack(message))
  }
  run().catch((error) => replies.fail(error))
  const call = (value) => {
    const echo = replies.next()
    send(pack(value)).catch((error) => replies.fail(error))
    return echo
  }
  return { call, close: async () => socket.close() }
}

/** @type {import('../../src/contender.ts').Contender} */
export const contender = { name: 'zeromq', serve, connect }
