// Part 2: files streamed through backpressure, and whether the same bytes came out in the other process.
import { connect } from '@framewire/transport'
import { check } from './demo-error.ts'
import { formatBytes, formatCount, formatNumber } from './figure.ts'
import { type FileReport, fileReports, MAX_PIECE } from './file-messages.ts'
import { FileSender, MAX_BYTES } from './file-sender.ts'
import type { FileSet } from './file-set.ts'
import { nextMessage } from './next-message.ts'
import { showProgress } from './progress.ts'
import { showHeading, showNote, showRow } from './screen.ts'
import type { Addresses } from './server-process.ts'

const KiB = 1024
/** Small sets are sent again until this much went through: on less, nothing would ever have to wait. */
const LEAST_BYTES = 64 * KiB * KiB
const MAX_ROUNDS = 10_000
/** A quarter of the default, so that the waiting shows. */
const MARKS = { sendHighWaterMark: 64 * KiB, sendLowWaterMark: 16 * KiB }

interface Transfer {
  sender: FileSender
  sent: FileReport
  received: FileReport
  seconds: number
}

export async function showFiles({ files: address }: Addresses, set: FileSet): Promise<void> {
  const rounds = roundsOf(set)
  showPlan(set, rounds)
  const transfer = await sendFiles(address, set, rounds)
  showTransfer(transfer)
  showLeftOut(transfer, set, rounds)
  const { sent, received } = transfer
  const isEqual = sent.sha256 === received.sha256 && sent.bytes === received.bytes && sent.files === received.files
  check(isEqual, `sent ${describe(sent)}, but the second process received ${describe(received)}`)
  showRow('SHA-256', `${sent.sha256.slice(0, 16)}..., computed on both sides: equal`)
}

function showPlan({ files, bytes }: FileSet, rounds: number): void {
  const contents = `${formatCount(files.length, 'file')}, ${formatBytes(bytes)}`
  showHeading(
    `2. Backpressure: ${contents}${rounds > 1 ? `, ${formatNumber(rounds)} times over` : ''}`,
    `Sent in messages of up to ${MAX_PIECE / KiB} KiB, as fast as the second process takes them, not faster:`,
    `the sender waits whenever ${MARKS.sendHighWaterMark / KiB} KiB are unsent (sendHighWaterMark; the default is 256 KiB).`,
  )
  if (rounds === 1) return
  const most = `${LEAST_BYTES / KiB / KiB} MiB or ${formatNumber(MAX_ROUNDS)} times`
  showNote(`So little is sent again and again (up to ${most}), or nothing would wait.`)
}

function roundsOf({ bytes }: FileSet): number {
  if (bytes === 0) return 1
  return Math.min(Math.ceil(LEAST_BYTES / bytes), MAX_ROUNDS)
}

async function sendFiles(address: Addresses['files'], set: FileSet, rounds: number): Promise<Transfer> {
  const connection = await connect(address, MARKS)
  const progress = showProgress(Math.min(set.bytes * rounds, MAX_BYTES))
  const startedAt = performance.now()
  try {
    const sender = new FileSender(connection, (bytes) => progress.update(bytes))
    const sent = await sender.send(set, rounds)
    const received = fileReports.decode(await nextMessage(connection))
    return { sender, sent, received, seconds: (performance.now() - startedAt) / 1_000 }
  } finally {
    progress.stop()
    await connection.close()
  }
}

function showTransfer({ sender, sent, received, seconds }: Transfer): void {
  const { refusals, drains, mostWaiting } = sender
  const amount = `${formatCount(sent.files, 'file')}, ${formatCount(sent.bytes, 'byte')}`
  const speed = `${formatNumber(sent.bytes / KiB / KiB / seconds)} MiB/s`
  showRow('sent', `${amount} in ${seconds.toFixed(2)} s: ${speed}`)
  const waits = `send() said false ${formatCount(refusals, 'time')}, drain came ${formatCount(drains, 'time')}`
  showRow('held back', `${waits}, at most ${formatNumber(mostWaiting / KiB)} KiB waited`)
  const { peakMemory } = sent
  showRow('peak memory', `${formatBytes(peakMemory)} here, ${formatBytes(received.peakMemory)} in the second process`)
}

function showLeftOut({ sender, sent }: Transfer, set: FileSet, rounds: number): void {
  const { limit, unreadable } = sender
  if (limit !== undefined) {
    const files = set.files.length - sent.files - unreadable
    const more = files > 0 ? ` and ${formatCount(files, 'whole file')}` : ''
    const rest = `${formatBytes(Math.max(0, set.bytes - sent.bytes))}${more}`
    const done = `${formatNumber(sender.rounds)} of ${formatNumber(rounds)} times`
    const what = sender.rounds === 0 ? rest : `the rest, after all went through ${done}`
    showRow('left out', `${what}: the demo stops at ${limit}`)
  }
  if (unreadable > 0) showRow('left out', `what could not be read (${formatCount(unreadable, 'failure')})`)
  for (const reason of set.leftOut) showRow('left out', reason)
}

function describe({ files, bytes, sha256 }: FileReport): string {
  return `${formatCount(files, 'file')} with ${formatCount(bytes, 'byte')}, SHA-256 ${sha256}`
}
