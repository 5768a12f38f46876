// A program of examples/, run as its user runs it: what has changed is built first, then it owns the terminal. Its streams
// are ours, its exit code is ours, signals sent to us reach it.
import { spawn } from 'node:child_process'
import { constants } from 'node:os'
import { fileURLToPath } from 'node:url'
import { runTurbo } from './turbo.js'

/**
 * Runs `examples/dist/PROGRAM` with the arguments of this process.
 * @param {string} program
 * @param {{ cwd?: string }} [options]
 */
export function runBuilt(program, { cwd = process.cwd() } = {}) {
  const file = fileURLToPath(new URL(`../examples/dist/${program}`, import.meta.url))
  const buildCode = runTurbo(['@framewire/examples#build'], { quiet: true })
  if (buildCode !== 0) process.exit(buildCode)

  const child = spawn(process.execPath, [file, ...process.argv.slice(2)], { stdio: 'inherit', cwd })
  child.on('error', (error) => {
    console.error(`${program} did not start: ${error.message}`)
    process.exitCode = 1
  })
  child.on('exit', (code, signal) => {
    process.exitCode = signal === null ? (code ?? 1) : 128 + constants.signals[signal]
  })
  for (const signal of /** @type {NodeJS.Signals[]} */ (['SIGINT', 'SIGTERM', 'SIGHUP'])) {
    // A terminal sends Ctrl-C to the whole process group: the program already has it, a second one would hurry its close.
    process.on(signal, () => {
      if (signal !== 'SIGINT' || !process.stdin.isTTY) child.kill(signal)
    })
  }
}
