// The tests that look for mutants: without those that try the same again for one more framing, or for long, and without
// those of the laws, which are not mutated. fast-check stops at the first counterexample, because nobody reads it.
import { fileURLToPath } from 'node:url'
import { mergeConfig, type ViteUserConfig } from 'vitest/config'
import shared from '../../tooling/vitest.ts'

const config: ViteUserConfig = mergeConfig(shared, {
  test: {
    isolate: false,
    testTimeout: 120_000, // the first run counts which statement each test comes to, and is many times slower
    exclude: ['preset-laws', 'framing-laws', 'fuzz', 'tutorial-bug', 'readme'].map((name) => `**/${name}.test.ts`),
    setupFiles: [fileURLToPath(new URL('test/first-counterexample.ts', import.meta.url))],
  },
})
export default config
