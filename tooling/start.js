// `npm start -- PATH`: builds what has changed, then runs the demo with the same arguments.
// The demo owns the terminal: its streams are ours, its exit code is ours, signals sent to us reach it.
import { spawn } from 'node:child_process'
import { constants } from 'node:os'
import { fileURLToPath } from 'node:url'
import { runTurbo } from './turbo.js'

const demo = fileURLToPath(new URL('../examples/dist/demo/main.js', import.meta.url))

const buildCode = runTurbo(['@framewire/examples#build'], { quiet: true })
if (buildCode !== 0) process.exit(buildCode)

const child = spawn(process.execPath, [demo, ...process.argv.slice(2)], { stdio: 'inherit' })
child.on('error', (error) => {
  console.error(`the demo did not start: ${error.message}`)
  process.exitCode = 1
})
child.on('exit', (code, signal) => {
  process.exitCode = signal === null ? (code ?? 1) : 128 + constants.signals[signal]
})
for (const signal of /** @type {NodeJS.Signals[]} */ (['SIGINT', 'SIGTERM', 'SIGHUP'])) {
  // A terminal sends Ctrl-C to the whole process group: the demo already has it, a second one would hurry its close.
  process.on(signal, () => {
    if (signal !== 'SIGINT' || !process.stdin.isTTY) child.kill(signal)
  })
}
