// Who takes part: the names the bench knows, and how a child process loads the one it runs. A peer joins by a file of its
// own in bench/peers/contenders; nothing else names it.
import { existsSync, readdirSync } from 'node:fs'
import { BASELINE, BUSY_POLL, type Contender, OURS, STREAM_BASELINE } from './contender.ts'

const PEERS = new URL('../peers/contenders/', import.meta.url)

const own: ReadonlyMap<string, () => Promise<{ contender: Contender }>> = new Map([
  [BASELINE, () => import('./floor.ts')],
  [OURS, () => import('./framewire.ts')],
  [BUSY_POLL, () => import('./framewire-busy-poll.ts')],
  [STREAM_BASELINE, () => import('./bare-writes.ts')],
  ['wrong-echo', () => import('./wrong-echo.ts')],
])

/** What others made, by the names of their files. */
export const PEER_NAMES: readonly string[] = existsSync(PEERS)
  ? readdirSync(PEERS)
      .flatMap((file) => /^(.+)\.js$/.exec(file)?.[1] ?? [])
      .toSorted()
  : []

export const contenderNames: readonly string[] = [...own.keys(), ...PEER_NAMES]

export async function loadContender(name: string): Promise<Contender> {
  const load = own.get(name)
  if (load !== undefined) return (await load()).contender
  if (!PEER_NAMES.includes(name)) {
    throw new RangeError(`no contender "${name}": known are ${contenderNames.join(', ')}`)
  }
  return ((await import(new URL(`${name}.js`, PEERS).href)) as { contender: Contender }).contender
}
