// One test configuration for every workspace: tests run on the sources, so a failing line is the line you edit.
import { fileURLToPath } from 'node:url'
import { defineConfig, type ViteUserConfig } from 'vitest/config'

const source = (name: string, file: string): string =>
  fileURLToPath(new URL(`../packages/${name}/src/${file}.ts`, import.meta.url))

const config: ViteUserConfig = defineConfig({
  resolve: {
    alias: [
      { find: /^@framewire\/(codec|transport|rpc)$/, replacement: source('$1', 'index') },
      { find: /^@framewire\/(\w+)\/(\w+)$/, replacement: source('$1', '$2') },
    ],
  },
  test: { include: ['src/**/*.test.ts', 'test/**/*.test.ts'], testTimeout: 60_000, hookTimeout: 60_000 },
})
export default config
