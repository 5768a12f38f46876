// ISO 8583 card messages as most hosts put them on TCP: the length in four ASCII digits.
//
//   | length, 4 digits | message |
//
// Source: ISO 8583 leaves framing to the network; this is jPOS's ASCIIChannel. The limit counts the message: 9999, the most
// that four digits say.

import { type Framing, FramingError, lengthField } from '@framewire/codec'

export const iso8583Messages: Framing = lengthField({
  lengthFieldLength: 4,
  maxFrameLength: 9999,
  readLength(bytes, at) {
    let value = 0
    for (let index = at; index < at + 4; index++) {
      const digit = (bytes[index] as number) - 0x30
      if (digit < 0 || digit > 9) throw new FramingError('INVALID_LENGTH', 'ISO 8583 length is not four digits')
      value = value * 10 + digit
    }
    return value
  },
  writeLength(target, at, value) {
    for (let index = at + 3, rest = value; index >= at; index--, rest = Math.floor(rest / 10)) {
      target[index] = 0x30 + (rest % 10)
    }
  },
})
