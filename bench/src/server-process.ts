// Child process: `node dist/server-process.js NAME` runs one contender's server. Started with an IPC channel it reports
// its port there and ends when the channel does, so it never outlives its parent; without one it prints the port. Either
// way it ends on a signal.
import { loadContender } from './roster.ts'

const contender = await loadContender(process.argv[2] ?? '')
const server = await contender.serve()

async function stop(): Promise<void> {
  setTimeout(() => process.exit(1), 2_000).unref()
  await server.close()
  process.exit(0)
}

for (const event of ['disconnect', 'SIGINT', 'SIGTERM']) process.once(event, stop)
if (process.send === undefined) console.log(server.port)
else process.send({ port: server.port })
