// Other runtimes than the one that runs the bench, as far as they are installed: nothing is fetched while it measures.
import { NotRun } from './not-run.ts'

export interface Runtime {
  /** What goes before a JavaScript file. */
  command: readonly string[]
  version: string
}

interface Known {
  title: string
  command(args: readonly string[]): string[]
}

interface Tooling {
  RUNTIMES: readonly Known[]
  install(
    runtime: Known,
    options: { fetched: boolean },
  ): Promise<{ path: string; version: string } | { reason: string }>
}

/** As titles of test:runtimes: "node 22", "bun". The one in front is what the others are compared with. */
export const RUNTIME_NAMES = ['node 20', 'node 22', 'node 24', 'node 26', 'bun', 'deno'] as const

/** Throws NotRun with the reason. */
export async function runtimeOf(name: string): Promise<Runtime> {
  const tooling = (await import(new URL('../../tooling/runtime-binary.js', import.meta.url).href)) as Tooling
  const known = tooling.RUNTIMES.find(({ title }) => title === name)
  if (known === undefined) throw new NotRun(`${name} is no runtime that is known here`)
  const installed = await tooling.install(known, { fetched: false })
  if ('reason' in installed) throw new NotRun(installed.reason)
  return { command: [installed.path, ...known.command([])], version: installed.version }
}
