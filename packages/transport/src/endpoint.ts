// Where an end of a connection is.

/** An IP address and port, or the path of a unix socket. */
export type Endpoint = { host: string; port: number } | { path: string }
