// Decoders that are compared, ours and others', each with the same two functions. A pass answers how many frames came
// out; a wrong count fails the row. The peers live in bench/peers and are left out where they are not installed.

import { createRequire } from 'node:module'
import { encode, FrameDecoder, lengthField } from '@framewire/codec'
import { startFailure } from './not-run.ts'

export interface Decoder {
  name: string
  encode(payload: Uint8Array): Uint8Array
  /** Frames found in the chunks. */
  decode(chunks: readonly Uint8Array[]): number | Promise<number>
}

const framing = lengthField({ maxFrameLength: 128 * 1024 * 1024 })
const ownEncode = (payload: Uint8Array): Uint8Array => encode(framing, payload)

const push: Decoder = {
  name: 'framewire push',
  encode: ownEncode,
  decode(chunks) {
    const decoder = new FrameDecoder(framing)
    let frames = 0
    const visit = (): void => {
      frames++
    }
    for (const chunk of chunks) decoder.push(chunk, visit)
    decoder.end()
    return frames
  },
}

const decodeFrames: Decoder = {
  name: 'framewire decode',
  encode: ownEncode,
  decode(chunks) {
    const decoder = new FrameDecoder(framing)
    let frames = 0
    for (const chunk of chunks) frames += decoder.decode(chunk).length
    decoder.end()
    return frames
  },
}

/** What no decoder can beat that hands out whole frames: every byte copied once. It counts chunks as if they were frames. */
const copy: Decoder = {
  name: 'copy',
  encode: ownEncode,
  decode(chunks) {
    const target = new Uint8Array(128 * 1024)
    let length = 0
    for (const chunk of chunks) {
      target.set(chunk)
      length += chunk.length
    }
    const first = chunks[0] as Uint8Array
    return length / (4 + new DataView(first.buffer, first.byteOffset).getUint32(0))
  },
}

/** What people write first: the rest and the new chunk joined by `Buffer.concat`. */
const concat: Decoder = {
  name: 'Buffer.concat',
  encode: ownEncode,
  decode(chunks) {
    let rest = Buffer.alloc(0)
    let frames = 0
    for (const chunk of chunks) {
      rest = Buffer.concat([rest, chunk])
      while (rest.length >= 4 && rest.length >= 4 + rest.readUInt32BE(0)) {
        rest.subarray(4, 4 + rest.readUInt32BE(0))
        rest = rest.subarray(4 + rest.readUInt32BE(0))
        frames++
      }
    }
    return frames
  },
}

interface EventedDecoder {
  on(event: string, listener: (frame: Uint8Array) => void): void
  write(chunk: Uint8Array): boolean
  end(done: () => void): void
}

function lengthPrefixedStream(require: NodeJS.Require): Decoder {
  const stream = require('length-prefixed-stream') as { decode(): EventedDecoder }
  const { encode: varint } = require('varint') as { encode(value: number): number[] }
  return {
    name: 'length-prefixed-stream',
    encode: (payload) => Buffer.concat([Uint8Array.from(varint(payload.length)), payload]),
    decode: (chunks) =>
      new Promise((resolve) => {
        const decoder = stream.decode()
        let frames = 0
        decoder.on('data', () => frames++)
        decoder.on('end', () => resolve(frames))
        for (const chunk of chunks) decoder.write(chunk)
        decoder.end(() => {})
      }),
  }
}

async function itLengthPrefixed(require: NodeJS.Require): Promise<Decoder> {
  interface Module {
    decode(source: Iterable<Uint8Array>, options: { maxDataLength: number }): Iterable<unknown>
    encode: { single(payload: Uint8Array): { subarray(): Uint8Array } }
  }
  const module = (await import(require.resolve('it-length-prefixed'))) as Module
  return {
    name: 'it-length-prefixed',
    encode: (payload) => new Uint8Array(module.encode.single(payload).subarray()),
    decode(chunks) {
      let frames = 0
      for (const _ of module.decode(chunks, { maxDataLength: 128 * 1024 * 1024 })) frames++
      return frames
    },
  }
}

/** WebSocket frames from a server: no mask, so nothing but framing is done. */
function wsReceiver(require: NodeJS.Require): Decoder {
  const { Receiver } = require('ws') as { Receiver: new (options: object) => EventedDecoder }
  const header = (length: number): Buffer => {
    const bytes = Buffer.alloc(length < 126 ? 2 : length < 65_536 ? 4 : 10)
    bytes[0] = 0x82
    bytes[1] = length < 126 ? length : length < 65_536 ? 126 : 127
    if (bytes.length === 4) bytes.writeUInt16BE(length, 2)
    if (bytes.length === 10) bytes.writeBigUInt64BE(BigInt(length), 2)
    return bytes
  }
  return {
    name: 'ws Receiver',
    encode: (payload) => Buffer.concat([header(payload.length), payload]),
    decode: (chunks) =>
      new Promise((resolve) => {
        const receiver = new Receiver({ allowSynchronousEvents: true })
        let frames = 0
        receiver.on('message', () => frames++)
        for (const chunk of chunks) receiver.write(chunk)
        receiver.end(() => resolve(frames))
      }),
  }
}

/** All decoders that are there, and the names of peers that are not, with the reason. */
export async function decoders(): Promise<{ found: Decoder[]; missing: { name: string; reason: string }[] }> {
  const require = createRequire(new URL('../peers/package.json', import.meta.url))
  const peers = {
    'length-prefixed-stream': lengthPrefixedStream,
    'it-length-prefixed': itLengthPrefixed,
    ws: wsReceiver,
  }
  const found = [push, decodeFrames, copy, concat]
  const missing: { name: string; reason: string }[] = []
  for (const [name, load] of Object.entries(peers)) {
    try {
      found.push(await load(require))
    } catch (error) {
      const reason = error instanceof Error ? (error.message.split('\n')[0] as string) : String(error)
      missing.push({ name, reason: startFailure(reason) })
    }
  }
  return { found, missing }
}
