// The protocols of text: a header of lines, a delimiter, or a length in decimal digits.

import { FrameDecoder, json } from '@framewire/codec'
import { describe, expect, test } from 'vitest'
import { lspMessages } from '../../src/protocols/lsp.ts'
import { ndjson, ndjsonFile } from '../../src/protocols/ndjson.ts'
import { netstrings } from '../../src/protocols/netstring.ts'
import { nulTerminated } from '../../src/protocols/nul-terminated.ts'
import { syslogCounted, syslogLines, syslogMessages } from '../../src/protocols/syslog.ts'
import { concat, describeFraming, hex, utf8 } from './vectors.ts'

const completion = utf8('{"jsonrpc":"2.0","id":1,"method":"textDocument/completion","params":{}}')
const next = utf8(
  [
    '{',
    '    "seq": 153,',
    '    "type": "request",',
    '    "command": "next",',
    '    "arguments": {',
    '        "threadId": 3',
    '    }',
    '}',
  ].join('\r\n'),
)

describeFraming('LSP and DAP', lspMessages(1024), {
  vectors: [
    {
      source: 'LSP 3.17 "Base Protocol", a request',
      wire: concat(utf8('Content-Length: 71\r\n\r\n'), completion),
      frame: completion,
      payload: completion,
    },
    {
      source: 'DAP "Base protocol", next',
      wire: concat(utf8('Content-Length: 119\r\n\r\n'), next),
      frame: next,
      payload: next,
    },
    {
      source: 'LSP 3.17 "Header Part", Content-Type',
      wire: utf8('Content-Type: application/vscode-jsonrpc; charset=utf-8\r\nContent-Length: 2\r\n\r\n{}'),
      frame: utf8('{}'),
      payload: utf8('{}'),
      header: utf8('Content-Type: application/vscode-jsonrpc; charset=utf-8\r\n\r\n'),
    },
  ],
  tooLong: utf8('Content-Length: 1025\r\n\r\n'),
  refused: [
    { name: 'a length with more than digits', wire: utf8('Content-Length: 7abc\r\n\r\n'), code: 'INVALID_LENGTH' },
    {
      name: 'two lengths',
      wire: utf8('Content-Length: 1\r\nContent-Length: 2\r\n\r\n'),
      code: 'INVALID_HEADER',
    },
    { name: 'a header without end', wire: new Uint8Array(4096).fill(0x61), code: 'INVALID_HEADER' },
  ],
})

const some = utf8('{"some":"thing"}')

describeFraming('NDJSON', ndjson(1024), {
  vectors: [
    { source: 'ndjson-spec 1.0 section 3.1', wire: utf8('{"some":"thing"}\n'), frame: some, payload: some },
    { source: 'ndjson-spec 1.0 section 3.1, CR in front of LF', wire: utf8('{"some":"thing"}\r\n'), frame: some },
    { source: 'ndjson-spec 1.0 section 3.2, an empty line', wire: utf8('\n'), frame: hex(''), payload: hex('') },
  ],
  tooLong: new Uint8Array(1024 + 2).fill(0x20),
})

describe('NDJSON', () => {
  test('takes the last line of a file without its line end, and not the end of a cut socket', () => {
    const codec = json<number[]>()
    const values: number[][] = []
    const visit = (bytes: Uint8Array, start: number, end: number): void => {
      values.push(codec.decode(bytes.subarray(start, end)))
    }
    for (const [framing, isFile] of [
      [ndjsonFile(), true],
      [ndjson(), false],
    ] as const) {
      const decoder = new FrameDecoder(framing)
      decoder.push(utf8('[1]\n[2,3]'), visit)
      if (isFile) decoder.end(visit)
      else expect(() => decoder.end(visit)).toThrow('stream ended inside a frame')
    }
    expect(values).toEqual([[1], [2, 3], [1]])
  })
})

describeFraming('NUL-terminated', nulTerminated(1024), {
  vectors: [
    {
      source: 'XMLSocket: "terminated by a zero byte"',
      wire: utf8('<login/>\0'),
      frame: utf8('<login/>'),
      payload: utf8('<login/>'),
    },
    {
      source: 'find -print0: a name with a line end',
      wire: utf8('a\nb\0'),
      frame: utf8('a\nb'),
      payload: utf8('a\nb'),
    },
    { source: 'an empty string', wire: hex('00'), frame: hex(''), payload: hex('') },
  ],
  tooLong: new Uint8Array(1024 + 1).fill(0x61),
})

const hello = utf8('hello world!')

describeFraming('netstring', netstrings(1024), {
  vectors: [
    {
      source: 'netstrings.txt, section 2',
      wire: hex('31 32 3a 68 65 6c 6c 6f 20 77 6f 72 6c 64 21 2c'),
      frame: hello,
      payload: hello,
    },
    { source: 'netstrings.txt, section 2, the empty string', wire: hex('30 3a 2c'), frame: hex(''), payload: hex('') },
  ],
  tooLong: utf8('1025:'),
  refused: [
    { name: 'a leading zero', wire: utf8('012:'), code: 'INVALID_LENGTH' },
    { name: 'no digits', wire: utf8(':,'), code: 'INVALID_LENGTH' },
    { name: 'a sign', wire: utf8('+2:'), code: 'INVALID_LENGTH' },
    { name: 'digits without end', wire: utf8('1234567890123456'), code: 'INVALID_LENGTH' },
    { name: 'another byte than the comma', wire: utf8('3:abc;'), code: 'INVALID_HEADER' },
  ],
})

const su = utf8(
  "<34>1 2003-10-11T22:14:15.003Z mymachine.example.com su - ID47 - 'su root' failed for lonvick on /dev/pts/8",
)
const counted = [
  {
    source: 'RFC 6587 section 3.4.1, with the message of RFC 5424 section 6.5, without its BOM',
    wire: concat(utf8('107 '), su),
    frame: su,
    payload: su,
  },
  {
    source: 'RFC 6587 section 3.4.1, a message of two lines',
    wire: utf8('8 <34>a\nb\n'),
    frame: utf8('<34>a\nb\n'),
    payload: utf8('<34>a\nb\n'),
  },
]
const lines = [
  { source: 'RFC 6587 section 3.4.2', wire: concat(su, utf8('\n')), frame: su },
  { source: 'RFC 6587 section 3.4.2, another', wire: utf8('<13>b\n'), frame: utf8('<13>b') },
]

describeFraming('syslog, octet counting', syslogCounted(1024), {
  vectors: counted,
  tooLong: utf8('1025 '),
  refused: [{ name: 'a leading zero (NONZERO-DIGIT)', wire: utf8('08 '), code: 'INVALID_LENGTH' }],
})

describeFraming('syslog, LF', syslogLines(1024), {
  vectors: lines.map((line) => ({ ...line, payload: line.frame })),
  tooLong: new Uint8Array(1025).fill(0x61),
})

describeFraming('syslog, both in one stream', syslogMessages(1024), {
  vectors: [...counted, ...lines, ...counted],
  tooLong: utf8('1025 '),
})
