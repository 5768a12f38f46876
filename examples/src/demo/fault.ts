// For the tests of this demo only: FRAMEWIRE_DEMO_FAULT=borders, hash or answer makes the second process lie in that
// part, so that they can see the demo fail.

export function isFaulty(part: 'borders' | 'hash' | 'answer'): boolean {
  return process.env.FRAMEWIRE_DEMO_FAULT === part
}
