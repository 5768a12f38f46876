import { expect, test } from 'vitest'
import { FrameKeeper } from './frame-keeper.ts'
import { hex } from './law-check.ts'

const source = Uint8Array.from({ length: 100_000 }, (_, index) => index % 251)

/** Keeps the ranges, then overwrites what they were taken from. */
function keep(ranges: readonly (readonly [number, number])[]): Uint8Array[] {
  const chunk = source.slice()
  const keeper = new FrameKeeper(chunk)
  for (const [start, end] of ranges) keeper.visit(chunk, start, end)
  chunk.fill(0xee)
  return keeper.frames
}

test.each([
  [
    'small neighbours',
    [
      [0, 10],
      [14, 14],
      [18, 500],
    ],
  ],
  [
    'frames on both sides of a block border',
    [
      [0, 4000],
      [4004, 8004],
      [8008, 12_008],
      [12_012, 12_013],
    ],
  ],
  [
    'a large frame between small ones',
    [
      [0, 10],
      [20, 5000],
      [5010, 5020],
      [5030, 30_000],
      [30_004, 30_005],
    ],
  ],
  [
    'frames at the end of the chunk',
    [
      [99_000, 99_990],
      [99_994, 100_000],
    ],
  ],
  [
    'frames out of order',
    [
      [50, 60],
      [10, 20],
      [55, 58],
    ],
  ],
] as [string, [number, number][]][])('keeps %s as they were', (_, ranges) => {
  expect(keep(ranges).map(hex)).toEqual(ranges.map(([start, end]) => hex(source.subarray(start, end))))
})

test('keeps a frame that lies outside the chunk alone, without its surroundings', () => {
  const keeper = new FrameKeeper(Uint8Array.of(1, 2, 3))
  const carry = Uint8Array.of(4, 5, 6)
  keeper.visit(carry, 0, 2)
  keeper.visit(Uint8Array.of(7, 8), 0, 1)
  carry.fill(0xee)
  expect(keeper.frames).toEqual([Uint8Array.of(4, 5), Uint8Array.of(7)])
  expect(keeper.frames.map((frame) => frame.buffer.byteLength)).toEqual([2, 1])
})

test('keeps plain Uint8Arrays of a Buffer', () => {
  const chunk = Buffer.alloc(10_000, 7)
  const keeper = new FrameKeeper(chunk)
  keeper.visit(chunk, 0, 3)
  keeper.visit(chunk, 0, 9_000)
  chunk.fill(0xee)
  expect(keeper.frames).toStrictEqual([new Uint8Array(3).fill(7), new Uint8Array(9_000).fill(7)])
})

test('pins at most 16 KiB or 16 times itself with a frame that begins a block, and nothing beside a large one', () => {
  const [small, middle, large] = keep([
    [10, 11],
    [20_000, 22_000],
    [30_000, 70_000],
  ]) as [Uint8Array, Uint8Array, Uint8Array]
  expect(small.buffer.byteLength).toBeLessThanOrEqual(16 * 1024)
  expect(middle.buffer.byteLength).toBeLessThanOrEqual(16 * 2_000)
  expect(large.buffer.byteLength).toBe(large.length)
})

test('copies neighbours together: a thousand small frames need at most their bytes in blocks', () => {
  const ranges = Array.from({ length: 1000 }, (_, index) => [index * 20, index * 20 + 16] as const)
  const blocks = new Set(keep(ranges).map((frame) => frame.buffer))
  expect(blocks.size).toBeLessThanOrEqual(Math.ceil((1000 * 20) / (16 * 1024)))
})

test.each<[string, [number, number][], boolean]>([
  [
    'two frames of half the largest block, to its last byte',
    [
      [0, 32_768],
      [32_768, 65_536],
    ],
    true,
  ],
  [
    'frames that are larger by a byte',
    [
      [0, 32_769],
      [0, 1],
    ],
    false,
  ],
  [
    'an empty frame and the one that begins with it',
    [
      [5, 5],
      [5, 100],
    ],
    true,
  ],
  [
    'a frame in front of the block',
    [
      [5, 10],
      [4, 10],
    ],
    false,
  ],
  [
    'a frame up to the end of the block',
    [
      [0, 1],
      [16_000, 16_384],
    ],
    true,
  ],
  [
    'a frame behind it',
    [
      [0, 1],
      [16_000, 16_385],
    ],
    false,
  ],
])('whether one copied block serves for %s', (_, ranges, isShared) => {
  expect(new Set(keep(ranges).map((frame) => frame.buffer)).size).toBe(isShared ? 1 : 2)
})
