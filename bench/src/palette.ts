// The colours of pictures and page, light and dark. Pictures name variables only, so one drawing serves both.

export const PALETTE = `
:root, svg { --paper: #ffffff; --ink: #1c2430; --faint: #5b6675; --line: #d8dde5; --ours: #0b7a75; --floor: #c2570c; --peer: #8a94a3; color-scheme: light dark }
@media (prefers-color-scheme: dark) {
  :root, svg { --paper: #12161c; --ink: #e6eaf0; --faint: #9aa5b4; --line: #2c3440; --ours: #3cc7bd; --floor: #f0955a; --peer: #7d8897 }
}`.trim()
