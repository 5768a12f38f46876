// Part 3: typed calls to the other process over its unix socket: how fast they are, an error of the contract, and a
// deadline that reaches the handler.
import { type Client, connect, implement, isError, RpcError, type Service } from '@framewire/rpc'
import { Calculator, Caller, type WaitReport } from './contract.ts'
import { check, DemoError } from './demo-error.ts'
import { formatCount, formatNumber } from './figure.ts'
import { type Latency, measure } from './latency.ts'
import { showHeading, showRow } from './screen.ts'
import type { Addresses } from './server-process.ts'

type CalculatorClient = Client<(typeof Calculator)['methods']>

/** The compiler of the engine works on them, the clock does not run. */
const WARM_UP_CALLS = 1_000
const SINGLE_CALLS = 1_000
const PARALLEL_CALLS = 9_000
const IN_FLIGHT = 64
const DEADLINE_MS = 50

export async function showCalls({ calls: address }: Addresses): Promise<void> {
  showHeading(
    `3. Calls: ${formatNumber(SINGLE_CALLS + PARALLEL_CALLS)} typed calls over a unix socket, every answer checked`,
    `Half in JSON, half in plain bytes, typed by one contract; ${formatNumber(WARM_UP_CALLS)} more before the clock starts.`,
  )
  const { service, waitEnded } = expectReport()
  const peer = await connect(address, { services: [service] })
  const client = peer.client(Calculator)
  await measure(WARM_UP_CALLS, IN_FLIGHT, (number) => callOnce(client, number))
  showLatency(await measure(SINGLE_CALLS, 1, (number) => callOnce(client, number)))
  showLatency(await measure(PARALLEL_CALLS, IN_FLIGHT, (number) => callOnce(client, number)))
  await showTypedError(client)
  await showDeadline(client, waitEnded)
  await peer.close()
}

/** The service that the other process calls back, and what it will have been told. */
function expectReport(): { service: Service; waitEnded: Promise<WaitReport> } {
  let waitEnded: (report: WaitReport) => void = () => {}
  const report = new Promise<WaitReport>((resolve) => {
    waitEnded = resolve
  })
  return { service: implement(Caller, { waitEnded }), waitEnded: report }
}

async function callOnce(client: CalculatorClient, number: number): Promise<void> {
  if (number % 2 === 0) {
    const { sum } = await client.add({ left: number, right: 1 })
    check(sum === number + 1, `the second process says that ${number} + 1 = ${sum}`)
  } else {
    const answer = Buffer.from(await client.reverse(Buffer.from(`call ${number}`))).toString()
    check(answer === [...`call ${number}`].reverse().join(''), `"call ${number}" came back as "${answer}"`)
  }
}

function showLatency({ calls, inFlight, p50, p99, callsPerSecond }: Latency): void {
  const speed = `${formatNumber(callsPerSecond)} calls/s`
  const times = `p50 ${formatNumber(p50)} \u00b5s, p99 ${formatNumber(p99)} \u00b5s`
  showRow(`${inFlight} in flight`, `${formatCount(calls, 'call')}: ${times}, ${speed}`)
}

async function showTypedError(client: CalculatorClient): Promise<void> {
  const error = await failureOf(client.divide({ dividend: 7, divisor: 0 }))
  check(isError(error, Calculator.methods.divide, 'DivisionByZero'), `7 / 0 failed with ${error}`)
  const { dividend } = error.details
  check(dividend === 7, `the error says that ${dividend} was divided`)
  showRow('typed error', `divide 7 by 0: ${error.appName} (${error.code}), details { dividend: ${dividend} }`)
}

async function showDeadline(client: CalculatorClient, waitEnded: Promise<WaitReport>): Promise<void> {
  const ticket = `ticket of process ${process.pid}`
  const error = await failureOf(client.wait({ ticket }, { timeoutMs: DEADLINE_MS }))
  check(error instanceof RpcError && error.code === 'DEADLINE_EXCEEDED', `the late call failed with ${error}`)
  const report = await waitEnded
  check(report.ticket === ticket && report.reason === 'DEADLINE_EXCEEDED', `the handler saw ${JSON.stringify(report)}`)
  showRow('deadline', `after ${DEADLINE_MS} ms the call fails, and in the handler the signal aborts:`)
  showRow('', `it says so itself, "${report.reason} after ${formatNumber(report.milliseconds)} ms"`)
}

async function failureOf(call: Promise<unknown>): Promise<unknown> {
  const answer = await call.then(JSON.stringify, (error: unknown) => ({ error }))
  if (typeof answer === 'object') return answer.error
  throw new DemoError(1, `a call that must fail answered ${answer}`)
}
