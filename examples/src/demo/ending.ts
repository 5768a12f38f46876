// The end: the second process is told to close, and what can be seen of that from outside.
import { check } from './demo-error.ts'
import { formatNumber } from './figure.ts'
import { showHeading, showRow } from './screen.ts'
import type { SecondProcess } from './second-process.ts'

export async function showEnding(server: SecondProcess): Promise<void> {
  const { exit, milliseconds, remains } = await server.stop()
  check(exit === 0, `the second process was told to close and ended with ${exit}`)
  check(remains.length === 0, `left behind: ${remains.join(', ')}`)
  showHeading('The server is stopped cleanly')
  showRow('second process', `told to close, ended by itself with code ${exit} after ${formatNumber(milliseconds)} ms`)
  showRow('left behind', 'nothing: its sockets and its folder are gone')
}
