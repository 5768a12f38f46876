// Small calls one at a time on a connection that has nothing else to do, or that carries an upload and a stream nobody reads.
import type { Caller } from './contender.ts'
import { type Latency, LatencyRecorder } from './latency.ts'
import { NotRun } from './not-run.ts'
import { probeOf, shown } from './probe.ts'

export interface Shared {
  calls: number
  /** 0 = the connection is idle: no upload and no stalled stream. */
  uploadBytes: number
}

const PAYLOAD_BYTES = 32

/** The times of the calls. The upload is made again while calls remain, and must arrive whole. */
export async function sharedConnection(caller: Caller, { calls, uploadBytes }: Shared): Promise<Latency> {
  if (uploadBytes === 0) return timed(caller, calls)
  const { stall, upload } = caller
  if (stall === undefined || upload === undefined) throw new NotRun('it has no streams here')
  const end = await stall()
  let remain = true
  const uploads = (async (): Promise<void> => {
    while (remain) {
      const counted = await upload(uploadBytes)
      if (counted !== uploadBytes) throw new Error(`the server counted ${counted} bytes of ${uploadBytes}`)
    }
  })()
  try {
    return await Promise.race([timed(caller, calls), uploads.then(() => Promise.reject(new Error('ended early')))])
  } finally {
    remain = false
    await uploads
    await end()
  }
}

async function timed(caller: Caller, calls: number): Promise<Latency> {
  const recorder = new LatencyRecorder()
  const probe = probeOf('bytes', 0, PAYLOAD_BYTES)
  for (let call = 0; call < calls; call++) {
    probe.prepare(call)
    const begin = performance.now()
    const echo = await caller.call(probe.value)
    recorder.record(performance.now() - begin)
    if (!probe.isEcho(echo, true)) throw new Error(`wrong echo: sent ${shown(probe.value)}, got ${shown(echo)}`)
  }
  return recorder.summary() as Latency
}
