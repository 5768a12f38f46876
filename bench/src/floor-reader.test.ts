import type { Socket } from 'node:net'
import { expect, test } from 'vitest'
import { FloorReader } from './floor-reader.ts'
import { FloorWriter } from './floor-writer.ts'

const payloads = [0, 1, 32, 64, 65, 1_000].map((length, index) => new Uint8Array(length).fill(index + 1))

/** What the writer gives a socket that takes everything at once. */
function written(frames: readonly Uint8Array[]): Buffer {
  const chunks: Buffer[] = []
  const socket = { writableLength: 0, write: (bytes: Uint8Array) => chunks.push(Buffer.from(bytes)) }
  const writer = new FloorWriter(socket as unknown as Socket)
  for (const [id, payload] of frames.entries()) writer.add(id, payload, 0, payload.length)
  writer.flush()
  return Buffer.concat(chunks)
}

const hex = (frames: readonly Uint8Array[]): string[] => frames.map((frame) => Buffer.from(frame).toString('hex'))

/** The payloads in hex: comparing arrays element by element is slow. */
function read(chunks: readonly Uint8Array[]): string[] {
  const frames: Uint8Array[] = []
  const reader = new FloorReader((id, bytes, start, end) => {
    if (id !== frames.length) throw new Error(`frame ${id} came as number ${frames.length}`)
    frames.push(bytes.subarray(start, end))
  })
  for (const chunk of chunks) reader.push(chunk)
  return hex(frames)
}

test('a frame is its length, its id and its payload, big endian', () => {
  expect(written([Uint8Array.of(0xab, 0xcd)]).toString('hex')).toBe('0000000600000000abcd')
})

test('reads what the writer wrote, whole', () => {
  expect(read([written(payloads)])).toEqual(hex(payloads))
})

test('reads frames cut at every place', () => {
  const bytes = written(payloads)
  for (let cut = 0; cut <= bytes.length; cut++) {
    expect(read([bytes.subarray(0, cut), bytes.subarray(cut)])).toEqual(hex(payloads))
  }
})

test('reads frames one byte at a time', () => {
  expect(read(Array.from(written(payloads), (byte) => Uint8Array.of(byte)))).toEqual(hex(payloads))
})

test('goes on in a new slab when one is full, and takes a payload larger than a slab', () => {
  const frames = [...Array.from({ length: 200 }, () => new Uint8Array(1_000).fill(5)), new Uint8Array(300_000).fill(6)]
  expect(read([written(frames)])).toEqual(hex(frames))
})

test('never overwrites bytes the socket has not sent yet', () => {
  const chunks: Uint8Array[] = []
  const socket = { writableLength: 1, write: (bytes: Uint8Array) => chunks.push(bytes) }
  const writer = new FloorWriter(socket as unknown as Socket)
  const frames = Array.from({ length: 300 }, (_, index) => new Uint8Array(1_000).fill(index))
  for (const [id, payload] of frames.entries()) {
    writer.add(id, payload, 0, payload.length)
    writer.flush()
  }
  expect(read(chunks)).toEqual(hex(frames))
})
