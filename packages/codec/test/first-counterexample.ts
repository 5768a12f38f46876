// Set up for mutation runs: a property that fails is not shrunk.

import fc from 'fast-check'

fc.configureGlobal({ endOnFailure: true })
