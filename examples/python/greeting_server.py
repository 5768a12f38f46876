"""A server for the wire of PROTOCOL.md with one unary method, `greeting.hello`: {"name": "Ada"} -> {"text": "Hello, Ada"}.

greeting_server.py PORT. Standard library only. One thread a connection, one call after the other in it. Messages of more
than a frame are not taken: the HELLO says so, so a caller fails by itself.
"""

import json
import socketserver
import struct
import sys

HELLO, PING, GOAWAY, OPEN, DATA, END = range(1, 7)
LAST, NONE, ONEWAY = 0x01, 0x08, 0x10
INVALID_ARGUMENT, UNIMPLEMENTED = 3, 12
NOT_PROCESSED = 1
MAX_FRAME = 65_536
SETTINGS = {2: 16_384, 3: 16}  # MAX_MESSAGE, MAX_STREAMS


def hello(request):
    if not isinstance(request, dict) or not isinstance(request.get("name"), str):
        raise ValueError("a name is missing")
    return {"text": f"Hello, {request['name']}"}


METHODS = {"greeting.hello": hello}


class Connection(socketserver.StreamRequestHandler):
    def handle(self):
        settings = b"".join(struct.pack(">HI", *setting) for setting in SETTINGS.items())
        self.send(HELLO, 0, 0, b"FWP1\x01\x00" + struct.pack(">H", len(SETTINGS)) + settings + bytes(2))
        if self.read_frame()[0] != HELLO:
            return
        while True:
            kind, flags, stream_id, body = self.read_frame()
            if kind == PING and not flags & LAST:
                self.send(PING, LAST, 0, body)
            elif kind == OPEN:
                self.answer(flags, stream_id, body)
            # CANCEL comes too late for a call that was answered at once; GOAWAY is followed by the end of the connection.

    def answer(self, flags, stream_id, body):
        """OPEN: u32 timeoutMs, u8 encoding, u8 methodLen, method, u16 metaLen, meta, message."""
        meta_at = 6 + body[5]
        message_at = meta_at + 2 + int.from_bytes(body[meta_at : meta_at + 2], "big")
        method = METHODS.get(body[6:meta_at].decode())
        if flags & ONEWAY:
            return
        if method is None or body[4] != 1 or not flags & LAST:
            return self.end(stream_id, UNIMPLEMENTED, NOT_PROCESSED, "no such unary method in JSON")
        try:
            reply = method(None if flags & NONE else json.loads(body[message_at:]))
        except ValueError as error:
            return self.end(stream_id, INVALID_ARGUMENT, 0, str(error))
        self.send(DATA, LAST, stream_id, json.dumps(reply).encode())

    def end(self, stream_id, code, bits, text):
        """u8 code, u8 bits, u16 metaLen, meta, u16 msgLen, message, u8 nameLen, name, details."""
        message = text.encode()
        self.send(END, 0, stream_id, struct.pack(">BBHH", code, bits, 0, len(message)) + message + b"\0")

    def send(self, kind, flags, stream_id, body):
        self.wfile.write(struct.pack(">IBBI", 6 + len(body), kind, flags, stream_id) + body)

    def read_frame(self):
        length, kind, flags, stream_id = struct.unpack(">IBBI", self.read_exactly(10))
        if not 6 <= length <= MAX_FRAME:
            raise ConnectionError(f"a frame of {length} bytes")
        return kind, flags, stream_id, self.read_exactly(length - 6)

    def read_exactly(self, count):
        data = self.rfile.read(count)
        if len(data) < count:
            raise ConnectionError("the connection ended")
        return data


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True

    def handle_error(self, request, address):
        """The end of a connection is the end of its thread, and nobody else's business."""


if __name__ == "__main__":
    with Server(("127.0.0.1", int(sys.argv[1])), Connection) as server:
        server.serve_forever()
