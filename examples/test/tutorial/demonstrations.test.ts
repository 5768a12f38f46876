// The programs of the tutorial that show something and end by themselves. Each prints what examples/README.md says, up to
// numbers; the numbers must add up.
import { describe, expect, test } from 'vitest'
import { documented, output, shape } from './tutorial-program.ts'

/** All numbers of the line that begins with `start`, in order. */
function numbers(printed: string, start: string): number[] {
  const line = printed.split('\n').find((each) => each.startsWith(start))
  if (line === undefined) throw new Error(`no line begins with "${start}"\n${printed}`)
  return (line.slice(start.length).match(/\d+/g) ?? []).map(Number)
}

test('d: what comes is not read before resume, and three replies are sent after the end of who asked', async () => {
  const printed = await output('held-connection')
  expect(shape(printed)).toEqual(shape(documented('held-connection')))
  expect(numbers(printed, 'held:')).toEqual([0, 0])
  expect(numbers(printed, 'the client has ended;')).toEqual([3])
  expect(printed.indexOf('the client has ended')).toBeLessThan(printed.indexOf('three is done'))
})

describe('e: three clients', () => {
  test('are heard by name, their bytes add up, and those who remain are counted down to nobody', async () => {
    const printed = await output('three-clients', '3000')
    expect(shape(printed)).toEqual(shape(documented('three-clients')))
    const counted = [...printed.matchAll(/(\d+) bytes read, (\d+) bytes written, (\d+) connections remain/g)]
    expect(counted.map(([, , , remaining]) => remaining)).toEqual(['2', '1', '0'])
    // "Frodo\nhello\nfarewell\n" in; `Frodo, I heard "hello"\n` and the same with farewell out. "…" is three bytes.
    expect(counted.map(([, read, written]) => `${read}/${written}`).sort()).toEqual(['10/21', '21/49', '47/96'])
  })

  test('and the silent one is ended after 500 ms', async () => {
    expect(await output('three-clients')).toContain('IDLE_TIMEOUT: nothing was sent or received within 500 ms')
  })
})

test('f: writeData sends messages again and leaves listeners, drained() sends 2,000 as 2,000 in bounded memory', async () => {
  const printed = await output('drain')
  expect(shape(printed)).toEqual(shape(documented('drain')))
  const [written, arrived, again, left, inMemory] = numbers(printed, 'writeData:') as [number, ...number[]]
  expect(written).toBe(2_000)
  expect(again).toBeGreaterThan(0)
  expect(arrived).toBe(written + Number(again))
  expect(left).toBeGreaterThan(0)
  expect(inMemory).toBeGreaterThan(1024 * 1024)
  const right = numbers(printed, 'drained():')
  expect(right.slice(0, 4)).toEqual([2_000, 2_000, 0, 0])
  expect(right[4]).toBeLessThan(256 * 1024 + 8 * 1024 + 4)
})

test('h: however the kernel gathers them, 200 messages arrive as 200', async () => {
  const printed = await output('coalescing')
  expect(shape(printed)).toEqual(shape(documented('coalescing')))
  for (const line of printed.trimEnd().split('\n')) {
    const [events, messages] = numbers(line, line.slice(0, line.indexOf(':'))) as [number, number]
    expect(messages).toBe(200)
    expect(events).toBeGreaterThan(0)
    expect(events).toBeLessThanOrEqual(200)
  }
  const [inOneTick] = numbers(printed, 'Nagle off, all in one tick')
  expect(inOneTick).toBeLessThan(20)
})

describe('i: ping-pong', () => {
  test('goes three turns, and both last words arrive', async () => {
    const printed = await output('ping-pong', '20')
    expect(printed).toBe(documented('ping-pong'))
  })

  test('answers late, by as much as it was told', async () => {
    const startedAt = performance.now()
    await output('ping-pong', '300')
    expect(performance.now() - startedAt).toBeGreaterThan(3 * 299)
  })
})

test('j: the events come in their order, each with what it means, and the error has its cause', async () => {
  const printed = await output('events')
  expect(printed).toBe(documented('events'))
})

test('l: what is left of the deadline reaches the second process, and both stop when it is over', async () => {
  const printed = await output('two-services')
  expect(shape(printed)).toEqual(shape(documented('two-services')))
  for (const name of ['"hello"', '"too late"']) {
    const [atShout] = numbers(printed, `  shout: ${name},`)
    const [atEcho] = numbers(printed, `  echo:  ${name},`)
    expect(atEcho).toBeLessThan(Number(atShout) - 90)
    expect(atEcho).toBeGreaterThan(0)
  }
})
