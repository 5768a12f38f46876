// Ours with `busyPollMicros`: a process that waits stays awake for a moment, which spares the wake-up and costs a core's idle
// time. It says most where few calls are in flight.
import { BUSY_POLL, type Contender } from './contender.ts'
import { framewire } from './framewire.ts'

const BUSY_POLL_MICROS = 50

export const contender: Contender = framewire(BUSY_POLL, BUSY_POLL_MICROS)
