// Running a program to its end and keeping what it wrote. A program that fails is an answer here, not an exception.
import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { ROOT } from './workspace.ts'

export interface Outcome {
  code: number | null
  stdout: string
  stderr: string
}

export const TSC: string = join(ROOT, 'node_modules/.bin/tsc')

export function run(command: string, args: readonly string[], cwd: string = ROOT): Promise<Outcome> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd, stdio: ['ignore', 'pipe', 'pipe'] })
    let stdout = ''
    let stderr = ''
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      stdout += text
    })
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr += text
    })
    child.on('error', reject)
    child.on('close', (code) => resolve({ code, stdout, stderr }))
  })
}

/** Runs a program that must succeed and returns its stdout. */
export async function succeed(command: string, args: readonly string[], cwd: string = ROOT): Promise<string> {
  const { code, stdout, stderr } = await run(command, args, cwd)
  if (code === 0) return stdout
  throw new Error(`${command} ${args.join(' ')} ended with ${code}\n${stdout}${stderr}`)
}
