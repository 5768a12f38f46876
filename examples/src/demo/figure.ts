// Numbers as people read them: with separators, units and the right plural.

const MiB = 1024 * 1024

export function formatNumber(value: number): string {
  return value.toLocaleString('en-US', { maximumFractionDigits: 0 })
}

/** `1 file`, `2,000 files`. */
export function formatCount(count: number, noun: string, plural = `${noun}s`): string {
  return `${formatNumber(count)} ${count === 1 ? noun : plural}`
}

/** `64.0 MiB`; below one tenth of a MiB in bytes. */
export function formatBytes(bytes: number): string {
  return bytes < MiB / 10 ? formatCount(bytes, 'byte') : `${(bytes / MiB).toFixed(1)} MiB`
}
