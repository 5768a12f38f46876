// Who takes part: the names the bench knows, and how a child process loads the one it runs. A peer joins by a file of its
// own and a line here.
import { BASELINE, type Contender, OURS } from './contender.ts'

/** Contenders of a run without `--only`, the baseline first. */
export const DEFAULT_CONTENDERS: readonly string[] = [BASELINE, OURS]

const loaders: ReadonlyMap<string, () => Promise<{ contender: Contender }>> = new Map([
  [BASELINE, () => import('./floor.ts')],
  [OURS, () => import('./framewire.ts')],
  ['wrong-echo', () => import('./wrong-echo.ts')],
])

export const contenderNames: readonly string[] = [...loaders.keys()]

export async function loadContender(name: string): Promise<Contender> {
  const load = loaders.get(name)
  if (load === undefined) throw new RangeError(`no contender "${name}": known are ${contenderNames.join(', ')}`)
  return (await load()).contender
}
