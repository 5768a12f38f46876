// The connections of a client process: one, or as many as a cell asks for, and the streams that are open on the first.
import type { Caller } from './contender.ts'
import { NotRun } from './not-run.ts'

/** Below the backlog of a listening socket, so that no connection waits to be tried again. */
const OPENED_AT_A_TIME = 64

export class CallerPool {
  readonly #connect: () => Promise<Caller>
  #callers: Caller[] = []
  #stalled: (() => Promise<void>)[] = []

  constructor(connect: () => Promise<Caller>) {
    this.#connect = connect
  }

  get callers(): readonly Caller[] {
    return this.#callers
  }

  get first(): Caller {
    return this.#callers[0] as Caller
  }

  /** Closes the connections that there are and makes `count` new ones. */
  async hold(count: number): Promise<number> {
    await this.close()
    let asked = 0
    const opener = async (): Promise<void> => {
      while (asked++ < count) this.#callers.push(await this.#connect())
    }
    await Promise.all(Array.from({ length: OPENED_AT_A_TIME }, opener))
    return this.#callers.length
  }

  /** Begins `count` streams on the first connection and reads one message of each. */
  async stall(count: number): Promise<number> {
    const { stall } = this.first
    if (stall === undefined) throw new NotRun('it has no streams here')
    while (this.#stalled.length < count) this.#stalled.push(await stall())
    return this.#stalled.length
  }

  async close(): Promise<void> {
    const [callers, stalled] = [this.#callers, this.#stalled]
    this.#callers = []
    this.#stalled = []
    await Promise.all(stalled.map((end) => end()))
    await Promise.all(callers.map((caller) => caller.close()))
  }
}
