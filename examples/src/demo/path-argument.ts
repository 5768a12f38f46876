// The command line: one PATH or none. It resolves to the files to send, or to a sentence about why there are none.
import { resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { DemoError } from './demo-error.ts'
import { type FileSet, findFiles } from './file-set.ts'

const USAGE = `usage: npm start [-- PATH]

PATH   a file or a folder to send; without it the sources of this repository are sent`

/** Sources only: what is installed or built is left out. */
const REPOSITORY = fileURLToPath(new URL('../../..', import.meta.url))
const SOURCE_FOLDERS = ['packages', 'bench', 'examples']
const NOT_SOURCES = new Set(['node_modules', 'dist', '.git', '.turbo'])

/** The files to send; undefined when only help was asked for. Throws a DemoError with exit code 2. */
export async function chooseFiles(args: readonly string[]): Promise<FileSet | undefined> {
  const [path, ...more] = args
  if (path === undefined) {
    const folders = SOURCE_FOLDERS.map((folder) => resolve(REPOSITORY, folder))
    return findFiles('the sources of this repository', folders, NOT_SOURCES)
  }
  if (path === '--help' || path === '-h') {
    console.log(USAGE)
    return undefined
  }
  if (path === '' || path.startsWith('-')) throw new DemoError(2, `${JSON.stringify(path)} is no PATH\n\n${USAGE}`)
  if (more.length > 0) throw new DemoError(2, `one PATH at a time, got ${args.length}\n\n${USAGE}`)
  const absolute = resolve(callersFolder(), path)
  return findFiles(absolute, [absolute])
}

/** npm starts a script in the folder of package.json and tells where its user was. */
function callersFolder(): string {
  const { npm_lifecycle_event: script, INIT_CWD: folder } = process.env
  return script === 'start' && folder !== undefined ? folder : process.cwd()
}
