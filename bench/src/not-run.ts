// Why something could not begin: it is not installed, did not start, or has not what the work needs. Never a number.

export class NotRun extends Error {}

/** Why a contender did not start, in the words of somebody who can do something about it. */
export function startFailure(reason: string): string {
  const missing = /Cannot find (?:package|module) '([^']+)'/.exec(reason)?.[1]
  if (missing === undefined) return reason.replace(/^\w+ process ended \(\d+\): \w*Error: /, '')
  return `${missing} is not installed; npm run bench:setup installs it`
}
