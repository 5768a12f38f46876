// The child's end of the talk with its supervisor. It ends when the supervisor does, so it never outlives it.
import type { Word } from './supervisor.ts'
import { setTimeOffset } from './wall-clock.ts'

const MOST_TOLD = 10

export type Answers = Readonly<Record<string, (argument: never) => unknown>>

/** Tells the supervisor that something has happened. */
export function tell(event: string, value: unknown): void {
  send({ event, value })
}

/** The supervisor may be gone at any moment. */
function send(word: Word): void {
  if (process.connected) process.send?.(word, undefined, undefined, () => {})
}

/**
 * Answers questions until the supervisor lets go, then gives everything back. Nobody can ask any more what was wrong by
 * then: it is this process's last words, and it ends with 1.
 */
export function answerAll(own: Answers, end: () => unknown, violations: readonly string[]): void {
  const answers: Answers = {
    block: (ms: number) => {
      const until = performance.now() + ms
      while (performance.now() < until) {
        // the loop is blocked, and what arrives waits in the kernel
      }
    },
    jumpClock: (ms: number) => setTimeOffset(ms),
    cpuMs: () => {
      const { user, system } = process.cpuUsage()
      return (user + system) / 1_000
    },
    ...own,
  }
  process.on('message', async ({ ask, question, argument }: { ask: number; question: string; argument: never }) => {
    try {
      const answer = answers[question]
      if (answer === undefined) throw new TypeError(`nobody answers ${question}`)
      const value = await answer(argument)
      send({ answer: ask, value })
    } catch (error) {
      send({ answer: ask, failure: String(error) })
    }
  })
  process.once('disconnect', async () => {
    await end()
    if (violations.length === 0) return
    console.error(violations.slice(0, MOST_TOLD).join('\n'))
    process.exitCode = 1
  })
  tell('up', true)
}
