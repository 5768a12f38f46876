// Validation by any library that speaks Standard Schema v1 (https://standardschema.dev): zod, valibot, arktype. The core
// needs only the interface, so it depends on none of them.

import { RpcError } from './rpc-error.ts'

/** The part of Standard Schema v1 that is used here. `In` = what is given to it, `Out` = what it makes of that. */
export interface Schema<In = unknown, Out = In> {
  readonly '~standard': {
    readonly version: 1
    readonly vendor: string
    readonly validate: (value: unknown) => SchemaResult<Out> | Promise<SchemaResult<Out>>
    readonly types?: { readonly input: In; readonly output: Out } | undefined
  }
}

type SchemaResult<Out> =
  | { readonly value: Out; readonly issues?: undefined }
  | { readonly issues: readonly SchemaIssue[] }

interface SchemaIssue {
  readonly message: string
  readonly path?: ReadonlyArray<PropertyKey | { readonly key: PropertyKey }> | undefined
}

/** A type without validation, where a schema is asked for. */
export function type<T>(): Schema<T> {
  return { '~standard': { version: 1, vendor: 'framewire', validate: (value) => ({ value: value as T }) } }
}

/** What the schema makes of the value, now or later. Throws or rejects with an RpcError of `code` that lists the issues. */
export function validate(
  schema: Schema,
  value: unknown,
  code: 'INVALID_ARGUMENT' | 'INTERNAL',
  what: string,
): unknown | Promise<unknown> {
  const result = schema['~standard'].validate(value)
  const check = (outcome: SchemaResult<unknown>): unknown => {
    if (outcome.issues === undefined) return outcome.value
    throw new RpcError(code, `${what} does not match the contract: ${outcome.issues.map(formatIssue).join('; ')}`)
  }
  return result instanceof Promise ? result.then(check) : check(result)
}

function formatIssue({ message, path = [] }: SchemaIssue): string {
  const keys = path.map((part) => String(typeof part === 'object' ? part.key : part))
  return keys.length === 0 ? message : `${keys.join('.')}: ${message}`
}
