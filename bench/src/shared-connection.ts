// Small calls one at a time on a connection that has nothing else to do, or that carries an upload and a stream nobody reads.
import type { Caller } from './contender.ts'
import { type Latency, LatencyRecorder } from './latency.ts'
import { NotRun } from './not-run.ts'
import { probeOf, shown } from './probe.ts'

export interface Shared {
  /** For so long, idle or not: who sees more of what else happens on the machine has the longer tail. */
  measureMs: number
  /** 0 = the connection is idle: no upload and no stalled stream. */
  uploadBytes: number
}

const PAYLOAD_BYTES = 32
/** The 99th percentile of fewer is an accident, however long they take. */
const LEAST_CALLS = 1_000

/** The times of the calls. The upload is made again while calls remain, and must arrive whole. */
export async function sharedConnection(caller: Caller, { measureMs, uploadBytes }: Shared): Promise<Latency> {
  if (uploadBytes === 0) return timed(caller, measureMs)
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
    return await Promise.race([timed(caller, measureMs), uploads.then(() => Promise.reject(new Error('ended early')))])
  } finally {
    remain = false
    await uploads
    await end()
  }
}

async function timed(caller: Caller, measureMs: number): Promise<Latency> {
  const recorder = new LatencyRecorder()
  const probe = probeOf('bytes', 0, PAYLOAD_BYTES)
  const end = performance.now() + measureMs
  for (let call = 0, now = 0; call < LEAST_CALLS || now < end; call++) {
    probe.prepare(call)
    const begin = performance.now()
    const echo = await caller.call(probe.value)
    now = performance.now()
    recorder.record(now - begin)
    if (!probe.isEcho(echo, true)) throw new Error(`wrong echo: sent ${shown(probe.value)}, got ${shown(echo)}`)
  }
  return recorder.summary() as Latency
}
