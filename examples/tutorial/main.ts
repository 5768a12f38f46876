// `npm run example`: the list of the programs; with a name, or the letter of one, that program, with what follows as its
// arguments.
import { PROGRAMS } from './programs.ts'

const COMMAND = 'npm run example --'

function list(): string {
  const entries = PROGRAMS.map(({ letter, name, shows, args }) => {
    return `${letter}. ${shows}\n   ${COMMAND} ${name}${args === undefined ? '' : ` ${args}`}\n`
  })
  return `The programs of the tutorials on Node's net, done right. Ctrl-C ends those that serve.\n\n${entries.join('')}`
}

const [wanted] = process.argv.splice(2, 1)
const program = PROGRAMS.find(({ letter, name }) => wanted === letter || wanted === name)
if (program !== undefined) await import(`./${program.name}.js`)
else if (wanted === undefined || wanted === '--help') console.log(list())
else {
  console.error(`there is no program ${JSON.stringify(wanted)}\n\n${list()}`)
  process.exitCode = 2
}
