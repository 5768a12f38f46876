// How lines look: headings, notes and rows of a label and a text. Colour only on a terminal whose user has not said
// NO_COLOR. A control character from outside (a file name can hold one) never reaches the terminal.
import { styleText } from 'node:util'

/** Whether the output can be drawn over: a terminal, not a file, a pipe or a dumb one. */
export const isTerminal: boolean = process.stdout.isTTY === true && process.env.TERM !== 'dumb'
const hasColor = isTerminal && !process.env.NO_COLOR
const LABEL_WIDTH = 15

export function showTitle(title: string): void {
  console.log(paint('bold', title))
}

/** The beginning of a part: its claim, and in a sentence or two what is done to show it. */
export function showHeading(claim: string, ...explanation: readonly string[]): void {
  console.log(`\n${paint('bold', claim)}`)
  for (const line of explanation) showNote(line)
}

export function showNote(line: string): void {
  console.log(paint('dim', `   ${line}`))
}

export function showRow(label: string, text: string): void {
  console.log(rowStart(label) + printable(text))
}

/** The label of a row, up to where its text begins. */
export function rowStart(label: string): string {
  return `   ${paint('cyan', label.padEnd(LABEL_WIDTH))}  `
}

export function showFailure(error: unknown): void {
  const text = error instanceof Error ? error.message : String(error)
  // On a terminal a progress bar may stand on the line of the cursor.
  console.error(
    `${process.stdout.isTTY ? '\n' : ''}${process.stderr.isTTY ? paint('red', 'demo:') : 'demo:'} ${text.split('\n').map(printable).join('\n')}`,
  )
}

function paint(format: 'bold' | 'dim' | 'cyan' | 'red', text: string): string {
  return hasColor ? styleText(format, text) : text
}

function printable(text: string): string {
  return text.replace(/\p{Cc}/gu, '\ufffd')
}
