// The vectors of the wire, as a program in another language would read them.

import { readdirSync, readFileSync } from 'node:fs'

export interface Vector {
  name: string
  hex: string
  fields: { type: string; streamId: number; [field: string]: unknown }
}

const FOLDER = new URL('../vectors/', import.meta.url)

export const VECTORS: readonly Vector[] = readdirSync(FOLDER).flatMap((file) => {
  return JSON.parse(readFileSync(new URL(file, FOLDER), 'utf8')) as Vector[]
})

/** The vectors of one type. */
export function vectorsOf(type: string): Vector[] {
  return VECTORS.filter(({ fields }) => fields.type === type)
}

/** The frame without its length field. */
export function frameOf({ hex }: Vector): Buffer {
  return Buffer.from(hex, 'hex').subarray(4)
}
