// The guards that `npm run reliability:planted` takes out stand where it looks for them, and the rows it expects exist.
import { expect, test } from 'vitest'
import { read } from './workspace.ts'

interface PlantedBug {
  row: string
  bug: string
  file: string
  guard: string
  without: string
}

const planted: PlantedBug[] = JSON.parse(read('reliability/planted-bugs.json'))
const card = read('RELIABILITY.md')

test.each(planted)('$row: $bug', ({ row, file, guard, without }) => {
  expect(read(file).split(guard)).toHaveLength(2)
  expect(without).not.toContain(guard)
  expect(card).toContain(`\n| ${row} |`)
})
