// The rows of the scorecard, in the order of the design.
import { BROKEN_HANDSHAKES } from './broken-handshakes.ts'
import { CUT_CONNECTIONS, MEANT_ENDS } from './cut-connections.ts'
import { DESCRIPTORS, GIVEN_UP } from './descriptors.ts'
import { FLOODS_ROWS, NARROW_LINKS } from './floods.ts'
import { FROZEN_PROCESSES } from './frozen-processes.ts'
import { FUZZ } from './fuzz.ts'
import { MANY_CONNECTIONS, SIMULATION } from './many-connections.ts'
import { RESTARTS } from './restarts.ts'
import type { Row } from './row.ts'
import { SEVERAL_HOSTS } from './several-hosts.ts'
import { SLOW_FRAMES } from './slow-frames.ts'
import { DEAF_CALLERS, FULL_QUEUES, SLOW_PEERS } from './slow-peers.ts'
import { UNIX_PATHS } from './unix-paths.ts'
import { BLACK_HOLES, KILLED_CONNECTIONS, LOST_PACKETS } from './vanished-peers.ts'

export const ROWS: readonly Row[] = [
  ...CUT_CONNECTIONS,
  ...BLACK_HOLES,
  ...SLOW_PEERS,
  ...SLOW_FRAMES,
  ...FUZZ,
  ...FLOODS_ROWS,
  ...LOST_PACKETS,
  ...NARROW_LINKS,
  ...RESTARTS,
  ...FROZEN_PROCESSES,
  ...DESCRIPTORS,
  ...KILLED_CONNECTIONS,
  ...MEANT_ENDS,
  ...FULL_QUEUES,
  ...GIVEN_UP,
  ...BROKEN_HANDSHAKES,
  ...UNIX_PATHS,
  ...MANY_CONNECTIONS,
  ...DEAF_CALLERS,
  ...SIMULATION,
  ...SEVERAL_HOSTS,
]

/** Throws RangeError for an id that no row has. */
export function findRow(id: string): Row {
  const row = ROWS.find((each) => each.id === id)
  if (row === undefined) throw new RangeError(`no row is called "${id}"`)
  return row
}
