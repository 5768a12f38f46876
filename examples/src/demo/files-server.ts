// The receiving side of part 2. It takes a message when it is done with the one before: that pace is what holds the
// sender back.
import { createHash } from 'node:crypto'
import type { Connection } from '@framewire/transport'
import { isFaulty } from './fault.ts'
import { fileHeaders, fileReports, peakMemory } from './file-messages.ts'

export async function receiveFiles(connection: Connection): Promise<void> {
  const hash = createHash('sha256')
  let files = 0
  let bytes = 0
  let isInFile = false
  for await (const message of connection) {
    if (isInFile) {
      hash.update(message)
      bytes += message.length
      isInFile = message.length > 0
    } else if ('file' in fileHeaders.decode(message)) {
      files++
      isInFile = true
    } else {
      if (isFaulty('hash')) hash.update('wrong')
      connection.send(fileReports.encode({ files, bytes, sha256: hash.digest('hex'), peakMemory: peakMemory() }))
    }
  }
}
