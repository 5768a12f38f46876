// Part 1: the same messages over a bare node:net socket and over Framewire, and what came out in the other process.
import { once } from 'node:events'
import { connect as connectBare } from 'node:net'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { type Address, connect } from '@framewire/transport'
import { type BorderReport, borderReports, bursts, LONGEST, MESSAGE_COUNT, SHORTEST } from './border-messages.ts'
import { check } from './demo-error.ts'
import { formatCount, formatNumber } from './figure.ts'
import { nextMessage } from './next-message.ts'
import { showHeading, showRow } from './screen.ts'
import type { Addresses } from './server-process.ts'

const SENT = `${formatNumber(MESSAGE_COUNT)} sent`
const SENT_BYTES = [...bursts()].flat().reduce((sum, { length }) => sum + length, 0)

export async function showBorders({ bare, borders, bordersOnUnix }: Addresses): Promise<void> {
  showHeading(
    '1. Borders: a socket carries bytes, Framewire carries messages',
    `${formatNumber(MESSAGE_COUNT)} messages of ${SHORTEST} to ${LONGEST} bytes, written in bursts, read by the second process.`,
  )
  showBare(await sendBare(bare))
  showFramed('framewire, TCP', await sendFramed(borders))
  showFramed('framewire, unix', await sendFramed(bordersOnUnix))
}

async function sendBare(address: Addresses['bare']): Promise<BorderReport> {
  const socket = connectBare(address)
  // Without a listener a reset would end this process. The loop below throws the same error.
  socket.on('error', () => {})
  await once(socket, 'connect')
  for (const burst of bursts()) {
    for (const message of burst) socket.write(message)
    await nextTurn()
  }
  socket.end()
  const answer: Buffer[] = []
  for await (const chunk of socket) answer.push(chunk)
  return borderReports.decode(Buffer.concat(answer))
}

async function sendFramed(address: Address): Promise<BorderReport> {
  const connection = await connect(address)
  for (const burst of bursts()) {
    for (const message of burst) connection.send(message)
    await nextTurn()
  }
  connection.send(new Uint8Array())
  const report = borderReports.decode(await nextMessage(connection))
  await connection.close()
  return report
}

function showBare({ pieces, whole, bytes }: BorderReport): void {
  check(bytes === SENT_BYTES, `bare node:net: sent ${SENT_BYTES} bytes, ${bytes} came out`)
  const held = whole === 1 ? '1 of them holds' : `${formatNumber(whole)} of them hold`
  showRow('bare node:net', `${SENT}, ${formatCount(pieces, 'data event')}, only ${held} exactly one message;`)
  const others = formatCount(pieces - whole, 'other event')
  showRow('', `the ${others}: ${formatCount(MESSAGE_COUNT - whole, 'message')}, run together and cut anywhere`)
}

function showFramed(label: string, { chunks, pieces, whole, inOrder }: BorderReport): void {
  const isExact = pieces === MESSAGE_COUNT && whole === MESSAGE_COUNT && inOrder === MESSAGE_COUNT
  check(isExact, `${label}: of ${pieces} messages received ${whole} are whole and ${inOrder} in order`)
  const arrived = `${formatCount(chunks, 'chunk')}, ${formatCount(pieces, 'message')}`
  showRow(label, `${SENT}, ${arrived}, in order, byte for byte equal`)
}
