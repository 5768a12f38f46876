// Schemas as a validation library makes them, by hand: the smallest that speak Standard Schema v1.

import type { Schema } from '../src/schema.ts'

type Check<Out> = (value: unknown) => Out

/** A schema of one function: what it throws as an Issue is the issue, anything else is a fault of the schema. */
export function schema<In, Out = In>(check: Check<Out>): Schema<In, Out> {
  return { '~standard': { version: 1, vendor: 'test', validate: (value) => outcome(check, value) } }
}

/** The same, with its answer in a later turn of the event loop. */
export function slowSchema<In, Out = In>(check: Check<Out>, until?: Promise<unknown>): Schema<In, Out> {
  const validate = async (value: unknown) => {
    await (until ?? new Promise((resolve) => setImmediate(resolve)))
    return outcome(check, value)
  }
  return { '~standard': { version: 1, vendor: 'test', validate } }
}

export class Issue extends Error {
  readonly path: ReadonlyArray<PropertyKey | { key: PropertyKey }> | undefined

  constructor(message: string, path?: ReadonlyArray<PropertyKey | { key: PropertyKey }>) {
    super(message)
    this.path = path
  }
}

/** An object with an `id` that is a number. */
export function withId(value: unknown): { id: number } {
  const id = typeof value === 'object' && value !== null ? (value as { id?: unknown }).id : undefined
  if (typeof id !== 'number') throw new Issue(`expected a number, got ${typeof id}`, ['id'])
  return { id }
}

function outcome<Out>(check: Check<Out>, value: unknown): { value: Out } | { issues: Issue[] } {
  try {
    return { value: check(value) }
  } catch (error) {
    if (error instanceof Issue) return { issues: [error] }
    throw error
  }
}
