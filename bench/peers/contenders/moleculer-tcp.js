// moleculer, transporter TCP: two brokers that find each other by fixed addresses.
import { ServiceBroker } from 'moleculer'
import { freePort } from '../free-port.js'
import { overJson } from '../values.js'

function brokerOf(nodeID, port, urls) {
  const options = { port, urls, udpDiscovery: false, maxPacketSize: 64 * 1024 * 1024 }
  return new ServiceBroker({ nodeID, logger: false, transporter: { type: 'TCP', options }, requestTimeout: 0 })
}

async function serve(work) {
  const { echo } = overJson[work]
  const port = await freePort()
  const broker = brokerOf('server', port, [])
  broker.createService({ name: 'bench', actions: { echo: ({ params }) => ({ value: echo(params.value) }) } })
  await broker.start()
  return { port, close: () => broker.stop() }
}

async function connect(port, work) {
  const { pack, unpack } = overJson[work]
  const broker = brokerOf('client', await freePort(), [`tcp://127.0.0.1:${port}/server`])
  await broker.start()
  await broker.waitForServices('bench', 9_000, 20)
  const call = async (value) => unpack((await broker.call('bench.echo', { value: pack(value) })).value)
  return { call, close: () => broker.stop() }
}

/** @type {import('../../src/contender.ts').Contender} */
export const contender = { name: 'moleculer-tcp', serve, connect }
