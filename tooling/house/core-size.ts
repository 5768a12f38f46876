// How large the core of a package is: its lines of code, and what it adds to a program that bundles it. Lines that are
// blank or hold nothing but comment do not count; nor do tests, subpath entries that the index does not reach, and what
// is imported from other packages.
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { rolldown } from 'rolldown'
import { parse } from './syntax.ts'
import { type PackageName, ROOT } from './workspace.ts'

/** The lines of a file on which code stands. */
export function codeLineCount(text: string): number {
  let code = text
  for (const { start, end } of parse(text).comments) {
    const blank = text.slice(start, end).replace(/[^\n]/g, ' ')
    code = code.slice(0, start) + blank + code.slice(end)
  }
  return code.split('\n').filter((line) => line.trim() !== '').length
}

export interface Bundle {
  /** The files of `src` in it, by name. */
  files: string[]
  minified: number
  gzipped: number
}

/** What a program gets that bundles the index of a package: minified, without the packages below it and Node's own. */
export async function bundleOf(name: PackageName): Promise<Bundle> {
  const folder = join(ROOT, 'packages', name, 'src')
  const build = await rolldown({ input: join(folder, 'index.ts'), external: /^(node:|@framewire\/)/, platform: 'node' })
  try {
    const { output } = await build.generate({ format: 'es', minify: true })
    const code = output.map((chunk) => (chunk.type === 'chunk' ? chunk.code : '')).join('')
    const modules = output.flatMap((chunk) => (chunk.type === 'chunk' ? chunk.moduleIds : []))
    const files = modules.filter((id) => id.startsWith(folder)).map((id) => id.slice(folder.length + 1))
    return { files, minified: Buffer.byteLength(code), gzipped: gzipSync(code, { level: 9 }).length }
  } finally {
    await build.close()
  }
}
