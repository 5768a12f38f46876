// `npm start -- PATH`: the demo. It finds out by itself in which folder npm was called.
import { runBuilt } from './built-program.js'

runBuilt('demo/main.js')
