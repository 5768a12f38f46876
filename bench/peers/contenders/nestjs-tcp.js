// NestJS microservices, transport TCP: its server and client without the container around them, which favours it.
import { once } from 'node:events'
import 'reflect-metadata'
import { ClientTCP, ServerTCP } from '@nestjs/microservices'
import { firstValueFrom } from 'rxjs'
import { overJson } from '../values.js'

async function serve(work) {
  const { echo } = overJson[work]
  const server = new ServerTCP({ host: '127.0.0.1', port: 0 })
  server.addHandler('echo', async (value) => echo(value))
  const socket = server.unwrap()
  const listening = once(socket, 'listening')
  server.listen(() => {})
  await listening
  return { port: socket.address().port, close: async () => server.close() }
}

async function connect(port, work) {
  const { pack, unpack } = overJson[work]
  const client = new ClientTCP({ host: '127.0.0.1', port })
  await client.connect()
  const call = async (value) => unpack(await firstValueFrom(client.send('echo', pack(value))))
  return { call, close: async () => client.close() }
}

/** @type {import('../../src/contender.ts').Contender} */
export const contender = { name: 'nestjs-tcp', serve, connect }
