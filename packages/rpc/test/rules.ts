// The rules of PROTOCOL.md on what a receiver does with something wrong, and tests that hold a peer to them: what has to
// follow is read from the document, so neither can say what the other does not.

import { readFileSync } from 'node:fs'
import { rejection, within } from '@framewire/testkit'
import { describe, expect, onTestFinished, test } from 'vitest'
import type { Limits } from '../src/limits.ts'
import { codeNumber, isCode } from '../src/rpc-error.ts'
import { GOAWAY_REASONS } from '../src/wire.ts'
import { hello, readEnd, TYPE } from './frames.ts'
import { service, told } from './rules-service.ts'
import { type Against, expectGoaway, expectIgnored, expectTaken, SIDES, type Side } from './sides.ts'

export type RuleId = `R${number}`

export interface Rule {
  what: string
  answer: string
}

const ROW = /^\| (R\d+) \| (.+) \| (.+) \|$/gm

/** The rules of the document, by their numbers. */
export const RULES: ReadonlyMap<string, Rule> = new Map(
  [...readFileSync(new URL('../../../PROTOCOL.md', import.meta.url), 'utf8').matchAll(ROW)].map(
    ([, id = '', what = '', answer = '']) => [id, { what, answer }],
  ),
)

/** What a puppet has done besides sending what is wrong. */
export interface Done {
  /** A call of the peer under test that must settle as the rule says; with GOAWAY UNAVAILABLE. */
  call?: Promise<unknown>
  /** The stream of the answer; else the first that the puppet may open. */
  id?: number
  /** Frames that the peer has sent for good reason, besides HELLO. */
  answers?: number
}

export interface Case {
  /** What exactly is sent. */
  name: string
  opening?: Uint8Array
  limits?: Limits
  /** What the reason of GOAWAY, END or of the failed call says. */
  text?: RegExp
  /** Gives a `Done`, or nothing. */
  act: (side: Side) => unknown
}

/** The title of a test of a rule. Throws for a rule that the document does not have. */
export function titleOf(id: RuleId): string {
  const rule = RULES.get(id)
  if (rule === undefined) throw new TypeError(`PROTOCOL.md has no rule ${id}`)
  return `${id}: ${rule.what}: ${rule.answer}`
}

/** Tries every case on a server and on a client. */
export function testRules(cases: Readonly<Record<RuleId, readonly Case[]>>): void {
  describe.each(SIDES)('%s', (_, against) => {
    for (const [id, list] of Object.entries(cases) as [RuleId, readonly Case[]][]) {
      describe(titleOf(id), () => {
        test.each(list.map((each) => [each.name, each] as const))('%s', (_name, each) =>
          hold(RULES.get(id) as Rule, against, each),
        )
      })
    }
  })
}

async function hold({ answer }: Rule, against: Against, each: Case): Promise<void> {
  const { opening = hello(), limits, text = /./, act } = each
  const side = await against(service, opening, limits)
  const { call, id = side.ids.puppet, answers = 0 } = ((await act(side)) ?? {}) as Done
  call?.catch(() => {}) // looked at below
  onTestFinished(() => void told.splice(0))
  const [, verb, word = '', rest = ''] = /^(\w+)\W*([^,;]*)(.*)$/.exec(answer) ?? []
  if (verb === 'GOAWAY') {
    await expectGoaway(side, (GOAWAY_REASONS as readonly string[]).indexOf(word.trim()), text)
    if (call !== undefined) expect(await rejection(call)).toMatchObject({ code: 'UNAVAILABLE' })
    return expect(told).toEqual([])
  }
  if (verb === 'dropped') return expectIgnored(side, answers)
  if (verb === 'taken') {
    if (call !== undefined) await within('the call', call)
    return expectTaken(side)
  }
  if (!isCode(word.trim())) throw new TypeError(`"${answer}" is nothing that a test could look for`)
  if (verb === 'END') await expectEnd(side, id, codeNumber(word as never), rest.includes('NOT_PROCESSED'), text)
  else await expectFailure(side, call, word.trim(), text, verb === 'CANCEL')
  await expectTaken(side)
}

async function expectEnd({ puppet }: Side, id: number, code: number, isUnused: boolean, text: RegExp): Promise<void> {
  const refusal = await puppet.next(TYPE.end)
  expect(refusal.id).toBe(id)
  const { text: said, ...fields } = readEnd(refusal)
  expect(said).toMatch(text)
  expect(fields).toMatchObject({ code, bits: isUnused ? 1 : 0 })
}

async function expectFailure(
  { puppet }: Side,
  call: Promise<unknown> | undefined,
  code: string,
  text: RegExp,
  isCancelled: boolean,
): Promise<void> {
  const error = await rejection(call as Promise<unknown>)
  expect(error).toMatchObject({ code, message: expect.stringMatching(text), notProcessed: false })
  if (isCancelled) expect((await puppet.next(TYPE.cancel)).body[0]).toBe(codeNumber(code as never))
  else expect(puppet.received.filter(({ type }) => type === TYPE.cancel)).toEqual([])
}
