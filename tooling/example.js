// `npm run example -- NAME`: a program of the tutorial, in the folder in which npm was called; without NAME the list of them.
import { runBuilt } from './built-program.js'

const { INIT_CWD: cwd = process.cwd() } = process.env
runBuilt('tutorial/main.js', { cwd })
