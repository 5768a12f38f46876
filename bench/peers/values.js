// The values of the two kinds of work, for peers whose wire knows only one of them. `pack` and `unpack` belong to the
// caller; `echo` is what the server does with what came: on a wire of bytes a handler needs its JSON parsed, on a wire of
// JSON it is spared the base64, which favours the peer.

const same = (value) => value
const plain = { pack: same, unpack: same, echo: same }

const packJson = (value) => Buffer.from(JSON.stringify(value))
const unpackJson = (bytes) => JSON.parse(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString())

/** For peers that send bytes. */
export const overBytes = {
  bytes: plain,
  json: { pack: packJson, unpack: unpackJson, echo: (bytes) => packJson(unpackJson(bytes)) },
}

/** For peers that send JSON. */
export const overJson = {
  bytes: {
    pack: (bytes) => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('base64'),
    unpack: (text) => Buffer.from(text, 'base64'),
    echo: same,
  },
  json: plain,
}
