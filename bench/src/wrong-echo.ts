// The bench's own smoke alarm: the floor with the last byte of every echo changed. It never runs unless it is named, and
// a run that names it must report it, leave it out of the table and fail.
import type { Caller, Contender, Value } from './contender.ts'
import { contender as floor } from './floor.ts'

async function connectLiar(port: number): Promise<Caller> {
  const caller = await floor.connect(port, 'bytes')
  const call = async (value: Value): Promise<Uint8Array> => {
    const echo = Uint8Array.from((await caller.call(value)) as Uint8Array)
    echo[echo.length - 1] = ~(echo[echo.length - 1] as number)
    return echo
  }
  return { call, close: () => caller.close() }
}

export const contender: Contender = { name: 'wrong-echo', serve: floor.serve, connect: connectLiar }
