// The connection suite: what holds over every link.

import { CLOSE_CASES } from './close-cases.ts'
import type { Case } from './links.ts'
import { MESSAGE_CASES } from './message-cases.ts'
import { PRESSURE_CASES } from './pressure-cases.ts'

export const CONNECTION_SUITE: Readonly<Record<string, readonly Case[]>> = {
  messages: MESSAGE_CASES,
  'under pressure': PRESSURE_CASES,
  closing: CLOSE_CASES,
}
