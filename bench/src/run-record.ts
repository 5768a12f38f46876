// A whole run as data: where, when, how, and every cell with every round. Files keep it, pictures are drawn from it.
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Cell } from './cell.ts'
import type { Machine } from './machine.ts'

export interface RunRecord {
  startedAt: string
  seconds: number
  machine: Machine
  /** The command line, without the files it names: they say where a run was kept, not what was measured. */
  args: readonly string[]
  isInterrupted: boolean
  cells: Cell[]
}

const RESULTS = fileURLToPath(new URL('../results/', import.meta.url))

const FILE_OPTIONS = new Set(['--json', '--report', '--pictures', '--thresholds'])

export function argsWithoutFiles(args: readonly string[]): string[] {
  const isFileOption = (arg: string | undefined): boolean => FILE_OPTIONS.has((arg ?? '').split('=')[0] as string)
  const isValue = (index: number): boolean => FILE_OPTIONS.has(args[index - 1] ?? '')
  return args.filter((arg, index) => arg !== '--save' && !isFileOption(arg) && !isValue(index))
}

/** Where a run is kept: by date, then by commit. */
export function savedPath({ startedAt, machine }: RunRecord, kind: 'bench' | 'check'): string {
  return join(RESULTS, `${startedAt.slice(0, 10)}-${kind}-${machine.commit ?? 'no-commit'}.json`)
}

export async function writeRecord(record: RunRecord, file: string): Promise<void> {
  await mkdir(dirname(file), { recursive: true })
  await writeFile(file, `${JSON.stringify(record, undefined, 1)}\n`)
}

export async function readRecord(file: string): Promise<RunRecord> {
  const record = JSON.parse(await readFile(file, 'utf8')) as RunRecord
  if (!Array.isArray(record.cells)) throw new TypeError(`${file} is no run of the bench: it has no cells`)
  return record
}
