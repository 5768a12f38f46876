import { expect, test } from 'vitest'
import { checkDescriptors, descriptorLimit } from './descriptors.ts'
import { NotRun } from './not-run.ts'

test('more connections than descriptors are not run, with both numbers', () => {
  const check = () => checkDescriptors(10_000, 4_096)
  expect(check).toThrow('10000 connections need 10064 file descriptors, the limit is 4096 (ulimit -Hn)')
  expect(check).toThrow(NotRun)
  expect(() => checkDescriptors(10_000, 10_064)).not.toThrow()
})

test('this process has a limit, or none', () => {
  expect(descriptorLimit()).toBeGreaterThan(64)
})
