import { describe, test } from 'vitest'
import { CONNECTION_SUITE } from './connection-suite.ts'
import { LINKS } from './links.ts'

for (const link of LINKS) {
  describe(`over ${link.name}`, () => {
    for (const [topic, cases] of Object.entries(CONNECTION_SUITE)) {
      describe(topic, () => {
        for (const { name, check } of cases) test(name, () => check(link))
      })
    }
  })
}
