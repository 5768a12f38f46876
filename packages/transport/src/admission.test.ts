import { readFileSync } from 'node:fs'
import { thrownBy } from '@framewire/testkit'
import { describe, expect, test } from 'vitest'
import { Admission, defaultMaxConnections } from './admission.ts'

test('lets in as many as the limit says, and again when one has left', () => {
  const admission = new Admission({ maxConnections: 2, maxConnectionsPerAddress: Number.POSITIVE_INFINITY })
  admission.enter()
  admission.enter()
  const full = { code: 'TOO_MANY_CONNECTIONS', message: '3 connections exceed maxConnections 2', retryable: true }
  expect(thrownBy(() => admission.enter())).toMatchObject(full)
  expect(thrownBy(() => admission.enter())).toMatchObject(full)
  admission.leave()
  admission.enter()
  expect(thrownBy(() => admission.enter())).toMatchObject(full)
})

test('counts each address by itself, an IPv4-mapped one as IPv4', () => {
  const admission = new Admission({ maxConnections: 9, maxConnectionsPerAddress: 2 })
  admission.enterAddress('10.0.0.1')
  admission.enterAddress('::ffff:10.0.0.1')
  admission.enterAddress('::1')
  expect(thrownBy(() => admission.enterAddress('::FFFF:10.0.0.1'))).toMatchObject({
    code: 'TOO_MANY_CONNECTIONS',
    message: '3 connections from 10.0.0.1 exceed maxConnectionsPerAddress 2',
  })
  admission.leaveAddress('10.0.0.1')
  admission.enterAddress('10.0.0.1')
  expect(() => admission.enterAddress('10.0.0.1')).toThrow()
})

describe('the default of maxConnections', () => {
  const limits = (soft: string) =>
    `Limit  Soft Limit  Hard Limit  Units\nMax open files            ${soft}   4096   files\n`

  test.each([
    ['1024', 819],
    ['1', 1],
    ['1048576', 10_000],
    ['unlimited', 10_000],
  ])('for a soft limit of %s descriptors is %i', (soft, expected) => {
    expect(defaultMaxConnections(limits(soft))).toBe(expected)
  })

  test('where the limit cannot be read is 10000', () => {
    expect(defaultMaxConnections('')).toBe(10_000)
  })

  test.skipIf(process.platform !== 'linux')(
    'on Linux is read from the process itself (elsewhere there is no /proc)',
    () => {
      expect(readFileSync('/proc/self/limits', 'latin1')).toMatch(/^Max open files\s+\d+/m)
      expect(defaultMaxConnections()).toBe(defaultMaxConnections(readFileSync('/proc/self/limits', 'latin1')))
    },
  )
})
