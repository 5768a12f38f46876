// `npm start -- PATH`: what Framewire is for, shown on your own files in three parts, between two real processes.
// It owns the order of things and the exit code: 0 = everything held, 1 = something did not, 2 = no such PATH,
// 128 + n = stopped by signal n. However it ends, the other process has ended and the temporary folder is gone.
import { showBorders } from './borders.ts'
import { showCalls } from './calls.ts'
import { DemoError } from './demo-error.ts'
import { showEnding } from './ending.ts'
import type { FileSet } from './file-set.ts'
import { showFiles } from './files.ts'
import { interruption } from './interruption.ts'
import { chooseFiles } from './path-argument.ts'
import { showFailure, showRow, showTitle } from './screen.ts'
import { SecondProcess } from './second-process.ts'

async function showAll(server: SecondProcess, files: FileSet): Promise<void> {
  const addresses = await server.listening
  showTitle('Framewire: whole messages, backpressure and typed calls over plain sockets')
  showRow('this process', `${process.pid}, sends ${files.name}`)
  showRow('second process', `${server.pid}, listens on 127.0.0.1 and in ${addresses.folder}`)
  await showBorders(addresses)
  await showFiles(addresses, files)
  await showCalls(addresses)
  await showEnding(server)
}

async function run(interrupted: Promise<never>): Promise<void> {
  const files = await Promise.race([chooseFiles(process.argv.slice(2)), interrupted])
  if (files === undefined) return
  const server = new SecondProcess()
  try {
    await Promise.race([showAll(server, files), server.lost, interrupted])
  } finally {
    await server.stop()
  }
}

try {
  await run(interruption())
} catch (error) {
  showFailure(error)
  process.exit(error instanceof DemoError ? error.exitCode : 1)
}
