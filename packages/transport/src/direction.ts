// Which of the two ways bytes go, in the words of toxiproxy.

/** `upstream` = from the client to the server, `downstream` = from the server to the client. */
export type Direction = 'upstream' | 'downstream'

export const DIRECTIONS: readonly Direction[] = ['upstream', 'downstream']
