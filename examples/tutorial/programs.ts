// The programs of the tutorial, in the order in which they are best read: the one list of them.

export interface Program {
  letter: string
  /** For `npm run example -- NAME`; the file is NAME.ts. */
  name: string
  shows: string
  /** What may follow the name. */
  args?: string
}

export const PROGRAMS: readonly Program[] = [
  { letter: 'a', name: 'echo-server', shows: 'an echo server on port 8124 that says who sent what', args: '[ADDRESS]' },
  {
    letter: 'b',
    name: 'line-client',
    shows: 'what you type goes to a server, its answers are printed',
    args: '[ADDRESS [CERTIFICATE]]',
  },
  { letter: 'c', name: 'unix-server', shows: 'the echo server on a unix socket', args: '[PATH]' },
  { letter: 'd', name: 'held-connection', shows: 'a connection held unread, and replies after the peer has ended' },
  {
    letter: 'e',
    name: 'three-clients',
    shows: 'three named clients at once, and what becomes of a silent one',
    args: '[MS]',
  },
  { letter: 'f', name: 'drain', shows: 'writing with drain, beside the writeData of the tutorials' },
  {
    letter: 'g',
    name: 'greeting',
    shows: 'a greeting, then an echo by pipeline(), on any addresses',
    args: '[ADDRESS...]',
  },
  { letter: 'h', name: 'coalescing', shows: 'many small sends, with Nagle on and off: data events and messages' },
  {
    letter: 'i',
    name: 'ping-pong',
    shows: 'a server that answers two seconds late, and two ends with a last word',
    args: '[MS]',
  },
  { letter: 'j', name: 'events', shows: 'every event of a connection, in order, and what it means' },
  {
    letter: 'k',
    name: 'tls-echo',
    shows: 'the echo server over TLS, with a certificate made on the spot',
    args: '[ADDRESS]',
  },
  { letter: 'l', name: 'two-services', shows: 'the echo as RPC: two processes, and a deadline that is handed on' },
]
