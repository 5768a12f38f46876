// The service that rows call. Each call carries its number, and its handler writes it into a journal before anything
// else, so that what a caller is told about a call can be compared with what happened.
import { closeSync, openSync, readFileSync, writeSync } from 'node:fs'
import { contract, implement, oneway, type Service, serverStream, unary } from '@framewire/rpc'

export const work = contract('work', {
  echo: unary<number, number>(),
  slow: unary<number, number>(),
  hold: unary<number, void>(),
  count: serverStream<number, number>(),
  note: oneway<number>(),
})

/** Where handlers write the numbers of their calls. */
export interface Journal {
  write(id: number): void
  read(): number[]
  close(): void
}

export function memoryJournal(): Journal {
  const ids: number[] = []
  return { write: (id) => void ids.push(id), read: () => [...ids], close: () => {} }
}

/** In a file that several processes append to, and that outlives them. */
export function fileJournal(path: string): Journal {
  const file = openSync(path, 'a')
  const entry = Buffer.alloc(4)
  return {
    write(id) {
      entry.writeUInt32BE(id)
      writeSync(file, entry)
    },
    read() {
      const bytes = readFileSync(path)
      return Array.from({ length: Math.floor(bytes.length / 4) }, (_, at) => bytes.readUInt32BE(at * 4))
    },
    close: () => closeSync(file),
  }
}

const SLOW_MS = 15

export function workService(journal: Journal): Service {
  return implement(work, {
    echo(id) {
      journal.write(id)
      return id
    },
    async slow(id) {
      journal.write(id)
      await new Promise((resolve) => setTimeout(resolve, SLOW_MS))
      return id
    },
    hold(id, ctx) {
      journal.write(id)
      return new Promise((resolve) => ctx.signal.addEventListener('abort', () => resolve()))
    },
    async *count(id) {
      journal.write(id)
      for (let step = 0; step < 5; step++) yield id
    },
    note: (id) => journal.write(id),
  })
}
