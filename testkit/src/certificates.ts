// Certificates for tests and rows, made with the openssl program when they are first asked for: two authorities, and certificates
// of the first one for a server, for a client, out of date, and for another name.

import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export interface Identity {
  cert: string
  key: string
}

export interface Certificates {
  ca: string
  /** An authority that nobody trusts. */
  otherCa: string
  /** For localhost and 127.0.0.1. */
  server: Identity
  /** For localhost too, to tell it from the first. */
  renewed: Identity
  client: Identity
  /** By the other authority. */
  stranger: Identity
  expired: Identity
  /** For other.test only. */
  otherName: Identity
}

/** Why there can be no certificates; undefined = there can. */
export const NO_OPENSSL: string | undefined =
  spawnSync('openssl', ['version']).status === 0 ? undefined : 'the program openssl is missing'

let made: Certificates | undefined

export function certificates(): Certificates {
  made ??= make()
  return made
}

function make(): Certificates {
  const folder = mkdtempSync(join(tmpdir(), 'framewire-certificates-'))
  const openssl = (...args: string[]) => execFileSync('openssl', args, { cwd: folder, stdio: 'pipe' })
  const read = (name: string) => readFileSync(join(folder, name), 'utf8')
  const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes']
  const authority = (name: string): string => {
    const subject = ['-subj', `/CN=${name}`, '-addext', 'basicConstraints=critical,CA:TRUE']
    openssl('req', '-x509', ...newKey, '-keyout', `${name}.key`, '-out', `${name}.pem`, ...subject, '-days', '2')
    return read(`${name}.pem`)
  }
  const identity = (name: string, by: string, names: string, days: string): Identity => {
    writeFileSync(join(folder, `${name}.ext`), names)
    openssl('req', '-new', ...newKey, '-keyout', `${name}.key`, '-out', `${name}.csr`, '-subj', `/CN=${name}`)
    const signing = ['-CA', `${by}.pem`, '-CAkey', `${by}.key`, '-CAcreateserial', '-extfile', `${name}.ext`]
    openssl('x509', '-req', '-in', `${name}.csr`, ...signing, '-days', days, '-out', `${name}.pem`)
    return { cert: read(`${name}.pem`), key: read(`${name}.key`) }
  }
  const local = 'subjectAltName=DNS:localhost,IP:127.0.0.1'
  try {
    return {
      ca: authority('ca'),
      otherCa: authority('other-ca'),
      server: identity('server', 'ca', local, '2'),
      renewed: identity('renewed', 'ca', local, '2'),
      client: identity('client', 'ca', 'subjectAltName=DNS:client.test', '2'),
      stranger: identity('stranger', 'other-ca', `${local},DNS:stranger.test`, '2'),
      expired: identity('expired', 'ca', local, '-1'),
      otherName: identity('other-name', 'ca', 'subjectAltName=DNS:other.test', '2'),
    }
  } finally {
    rmSync(folder, { recursive: true })
  }
}
