import { describe, expect, test } from 'vitest'
import { isMet, requiredText, seenText } from '../src/figure.ts'
import { whatIsMissing } from '../src/needs.ts'
import { ROWS } from '../src/rows.ts'
import { Trial } from '../src/trial.ts'

// The rows that take a second or so, in this process. Times are measured by `npm run reliability`, on a quiet machine.

const SHORT = ROWS.filter(({ isShort }) => isShort)

describe('a row of the scorecard holds', () => {
  for (const row of SHORT) {
    const reason = whatIsMissing(row.needs ?? [])
    const name = `${row.id}: ${row.fault}${reason === undefined ? '' : ` (skipped: ${reason})`}`
    test.skipIf(reason !== undefined)(name, async () => {
      const trial = new Trial(1, { isBrief: true })
      try {
        await row.run(trial)
      } finally {
        await trial[Symbol.asyncDispose]()
      }
      const { figures, violations } = trial.result
      const missed = figures.filter((figure) => figure.kind === 'count' && !isMet(figure, 0))
      expect(violations).toEqual([])
      expect(missed.map((figure) => `${requiredText(figure)}, seen ${seenText(figure)}`)).toEqual([])
      expect(figures.length).toBeGreaterThan(0)
    })
  }
})

test('every row has an id of its own', () => {
  expect(new Set(ROWS.map(({ id }) => id)).size).toBe(ROWS.length)
})
