// One address that is listened on: binding it, trying again while another process still has it, and giving it free.
// What arrives goes to `onSocket`; there is always somebody for errors.

import { chmodSync } from 'node:fs'
import { type AddressInfo, createServer, type ListenOptions, type Server as NetServer, type Socket } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { formatAddress, type ParsedListenAddress } from './address.ts'
import type { Endpoint } from './endpoint.ts'
import { KEEP_ALIVE_DELAY_MS } from './socket-channel.ts'
import { abortedError, TransportError } from './transport-error.ts'
import { type PublishedPath, publish, type StaleSocket, temporaryPath } from './unix-path.ts'

export interface ListenerOptions {
  /** Who may connect to a unix socket, as in chmod. @default 0o600: this user only */
  socketMode?: number
  /** What to do with the unix socket file of a server that is gone: replace it, or ADDRESS_IN_USE. @default 'replace' */
  staleSocket?: StaleSocket
  /** How often to try again while the address is in use, and after how many ms each. @default not at all */
  retry?: { attempts: number; delayMs: number }
  /** Connections the kernel holds until they are accepted; it has a limit of its own (somaxconn). @default 511 */
  backlog?: number
  /** Several processes may listen on the port and share what arrives. Needs Node 22.12 or 23.1. @default false */
  reusePort?: boolean
}

const isWindows = process.platform === 'win32'

export class Listener {
  onSocket: (socket: Socket) => void = (socket) => socket.destroy()
  onError: (error: Error) => void = () => {}
  readonly target: ParsedListenAddress
  readonly #options: ListenerOptions
  readonly #server: NetServer
  #path: PublishedPath | undefined
  #endpoint: Endpoint | undefined

  constructor(target: ParsedListenAddress, options: ListenerOptions) {
    this.target = target
    this.#options = options
    this.#server = createServer({
      allowHalfOpen: true,
      noDelay: true,
      keepAlive: true,
      keepAliveInitialDelay: KEEP_ALIVE_DELAY_MS,
    })
    this.#server.on('connection', (socket) => this.onSocket(socket))
    this.#server.on('error', (error) => {
      if (this.#endpoint) this.onError(error)
    })
  }

  /** Where it listens; with port 0 the port that was given. Undefined before and after. */
  get endpoint(): Endpoint | undefined {
    return this.#endpoint
  }

  /** Rejects with ADDRESS_IN_USE, LISTEN_FAILED or ABORTED; nothing listens then. */
  async open(signal?: AbortSignal): Promise<void> {
    const { attempts, delayMs } = this.#options.retry ?? { attempts: 0, delayMs: 1 }
    for (let attempt = 0; ; attempt++) {
      try {
        await this.#open(signal)
        this.#endpoint = this.#findEndpoint()
        return
      } catch (error) {
        const failure = signal?.aborted ? abortedError(signal, 'listen') : this.#explain(error)
        if (failure.code !== 'ADDRESS_IN_USE' || attempt >= attempts) throw failure
      }
      // An abort while it waits is seen by the next attempt.
      await delay(delayMs, undefined, signal ? { signal } : {}).catch(() => {})
    }
  }

  /** Resolves when every socket it accepted is closed. The address is free at once. */
  close(): Promise<void> {
    this.#path?.remove()
    this.#endpoint = undefined
    return new Promise((resolve) => this.#server.close(() => resolve()))
  }

  ref(): void {
    this.#server.ref()
  }

  unref(): void {
    this.#server.unref()
  }

  async #open(signal: AbortSignal | undefined): Promise<void> {
    const { reusePort = false, backlog = 511, staleSocket = 'replace', socketMode = 0o600 } = this.#options
    const { tls: _, ...address } = this.target
    if (reusePort && !hasReusePort(process.versions.node)) {
      throw new Error(`reusePort needs Node 22.12 or 23.1, this is ${process.versions.node}`)
    }
    if (!('path' in address) || isWindows) {
      return this.#bind({ ...address, backlog, ...(reusePort ? { reusePort } : {}) } as ListenOptions, signal)
    }
    const path = temporaryPath(address.path)
    // In a cluster too each process has a socket of its own, and the first one the path.
    await this.#bind({ path, backlog, exclusive: true }, signal)
    try {
      chmodSync(path, socketMode)
      this.#path = await publish(path, address.path, { staleSocket, signal })
    } catch (error) {
      await this.close()
      throw error
    }
  }

  #bind(options: ListenOptions, signal: AbortSignal | undefined): Promise<void> {
    if (signal?.aborted) return Promise.reject(abortedError(signal, 'listen'))
    return new Promise((resolve, reject) => {
      const settle = (done: () => void): void => {
        signal?.removeEventListener('abort', onAbort)
        this.#server.off('error', onError)
        done()
      }
      const onAbort = (): void => settle(() => reject(abortedError(signal as AbortSignal, 'listen')))
      const onError = (error: Error): void => settle(() => reject(error))
      signal?.addEventListener('abort', onAbort, { once: true })
      this.#server.once('error', onError)
      this.#server.listen(options, () => {
        if (signal?.aborted) this.#server.close()
        else settle(resolve)
      })
    })
  }

  #findEndpoint(): Endpoint {
    if ('path' in this.target) return { path: this.target.path }
    const address = this.#server.address() as AddressInfo | string
    return typeof address === 'string' ? { path: address } : { host: address.address, port: address.port }
  }

  #explain(error: unknown): TransportError {
    if (error instanceof TransportError) return error
    const isInUse = (error as NodeJS.ErrnoException).code === 'EADDRINUSE'
    const reason = isInUse ? 'is in use' : `cannot be listened on: ${(error as Error).message}`
    const code = isInUse ? 'ADDRESS_IN_USE' : 'LISTEN_FAILED'
    // Without a host it listens on every address: `localhost`, as for connecting, would name another one.
    const place = 'port' in this.target ? { ...this.target, host: this.target.host ?? '*' } : this.target
    return new TransportError(code, `${formatAddress(place)} ${reason}`, { cause: error })
  }
}

/** Older versions take the option and ignore it. */
export function hasReusePort(version: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number)
  return major === 22 ? minor >= 12 : major === 23 ? minor >= 1 : major > 23
}
