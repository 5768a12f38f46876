import { thrownBy } from '@framewire/testkit'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { checkMeta, Meta } from './meta.ts'
import { ProtocolError } from './protocol-error.ts'

const someKey = fc.stringMatching(/^[a-z0-9._-]{1,20}$/)
const someValue = fc.oneof(fc.string(), fc.uint8Array({ maxLength: 60 }))
const someEntries = fc.array(fc.tuple(someKey, someValue), { maxLength: 20 })

const bytesOf = (value: string | Uint8Array) => Buffer.from(value)

test('whatever is put in comes out at the other end, in order', () => {
  fc.assert(
    fc.property(someEntries, (entries) => {
      const encoded = new Meta(entries).encode() ?? Buffer.of()
      checkMeta(encoded, 0, encoded.length)
      const received = Meta.received(encoded)
      expect([...received].map(([key, value]) => [key, Buffer.from(value)])).toEqual(
        entries.map(([key, value]) => [key, bytesOf(value)]),
      )
      expect(Buffer.from(received.encode() ?? []).equals(encoded)).toBe(true)
    }),
  )
})

test('any bytes are metadata or a protocol error, and what is read stays inside them', () => {
  const someBytes = fc.array(fc.constantFrom(0, 1, 2, 3, 0x3a, 0x41, 0x61, 0xff), { maxLength: 40 })
  fc.assert(
    fc.property(someBytes, (list) => {
      const bytes = Uint8Array.from(list)
      try {
        checkMeta(bytes, 0, bytes.length)
      } catch (error) {
        expect(error).toBeInstanceOf(ProtocolError)
        return
      }
      const length = [...Meta.received(bytes)].reduce((sum, [key, value]) => sum + 3 + key.length + value.length, 0)
      expect(length).toBeLessThanOrEqual(bytes.length)
    }),
    { numRuns: 2_000 },
  )
})

test('get, getAll, set, append and delete do what they do in Headers', () => {
  const meta = new Meta({ a: '1', b: '2' })
  meta.append('a', '3')
  expect([meta.get('a'), meta.getAll('a'), meta.get('none'), meta.getAll('none')]).toEqual([
    '1',
    ['1', '3'],
    undefined,
    [],
  ])
  expect(meta.set('a', '4').getAll('a')).toEqual(['4'])
  expect(meta.delete('a').size).toBe(1)
  expect(meta.encode()).toEqual(new Uint8Array(Buffer.from('\x01b\x00\x012', 'latin1')))
  expect(meta.delete('b').encode()).toBeUndefined()
  expect(new Meta(meta.append('c', 'x')).get('c')).toBe('x')
})

test('of the application`s bytes it keeps a copy', () => {
  const value = Uint8Array.of(1, 2)
  const meta = new Meta({ key: value })
  value[0] = 9
  expect(meta.getBytes('key')).toEqual(Buffer.of(1, 2))
})

describe('a limit', () => {
  test('of 64 entries', () => {
    const meta = new Meta(Array.from({ length: 64 }, () => ['a', ''] as const))
    expect(thrownBy(() => meta.append('a', ''))).toEqual(new RangeError('metadata has at most 64 entries'))
  })

  test('of 8 KiB as encoded', () => {
    const meta = new Meta({ key: 'x'.repeat(8_192 - 6) })
    expect(meta.encode()).toHaveLength(8_192)
    expect(thrownBy(() => meta.append('k', ''))).toEqual(new RangeError('metadata of 8196 bytes, the limit is 8192'))
    meta.delete('key').append('k', '')
    expect(meta.encode()).toHaveLength(4)
  })

  test.each(['', 'A', ':a', 'a b', 'ä', 'x'.repeat(256)])('on keys: %j is refused', (key) => {
    expect(thrownBy(() => new Meta().append(key, ''))).toBeInstanceOf(TypeError)
  })

  test.each([42, undefined, null, true, ['a']])('on keys: %j, which is no text, is refused', (odd) => {
    const key = odd as unknown as string
    const meta = new Meta()
    expect(thrownBy(() => meta.append(key, ''))).toBeInstanceOf(TypeError)
    expect(thrownBy(() => meta.set(key, ''))).toBeInstanceOf(TypeError)
    expect([meta.size, meta.encode()]).toEqual([0, undefined])
  })
})
