import { NO_OPENSSL } from '@framewire/testkit'
import { describe, test } from 'vitest'
import { CONNECTION_SUITE } from './connection-suite.ts'
import { TLS_LINKS } from './links.ts'

for (const link of TLS_LINKS) {
  describe.skipIf(NO_OPENSSL)(`over ${link.name}${NO_OPENSSL ? ` (${NO_OPENSSL})` : ''}`, () => {
    for (const [topic, cases] of Object.entries(CONNECTION_SUITE)) {
      describe(topic, () => {
        for (const { name, check } of cases) test(name, () => check(link))
      })
    }
  })
}
