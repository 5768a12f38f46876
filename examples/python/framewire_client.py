"""A client for the wire of PROTOCOL.md: unary calls, server streams, deadlines, cancel, ping. Standard library only.
It has no thread: frames are read, and the server's PINGs answered, while somebody waits for a call. Times in s."""
import collections, json, socket, struct, time
HELLO, PING, GOAWAY, OPEN, DATA, END, CANCEL, CREDIT = range(1, 9)
LAST, MORE, NONE, MAX_FRAME, WINDOW = 1, 2, 8, 65_536, 65_536  # the last two hold as long as no HELLO says otherwise
CODES = """OK CANCELLED UNKNOWN INVALID_ARGUMENT DEADLINE_EXCEEDED NOT_FOUND ALREADY_EXISTS PERMISSION_DENIED RESOURCE_EXHAUSTED
FAILED_PRECONDITION ABORTED OUT_OF_RANGE UNIMPLEMENTED INTERNAL UNAVAILABLE DATA_LOSS UNAUTHENTICATED""".split()

class RpcError(Exception):
    def __init__(self, code, message, name="", details=None, not_processed=False):
        super().__init__(f"{code}: {message}")
        self.code, self.name, self.details, self.not_processed = code, name, details, not_processed

class Call:
    """`result()` of a unary call, `for message in call` of a stream; `cancel()` ends either."""
    __iter__ = lambda self: self

    def __init__(self, client, stream_id, timeout):
        self.client, self.id, self.messages, self.part, self.taken = client, stream_id, collections.deque(), b"", 0
        self.deadline, self.is_over, self.error = timeout and time.monotonic() + timeout, False, None

    def __next__(self):
        while not self.messages:
            if self.is_over:
                raise self.error or StopIteration
            if not self.client.read_frame(self.deadline):
                self.cancel("DEADLINE_EXCEEDED", "no answer in time")
        message = self.messages.popleft()
        self.taken += len(message)
        if self.taken >= WINDOW // 2 and not self.is_over:
            self.client.send(CREDIT, 0, self.id, self.taken.to_bytes(4, "big"))
            self.taken = 0
        return json.loads(message)

    def result(self):
        return (list(self) or [None])[0]  # one at most; an END that follows it may still say that the call failed

    def cancel(self, code="CANCELLED", reason="the caller gave up"):
        if not self.is_over:
            self.client.send(CANCEL, 0, self.id, bytes([CODES.index(code)]) + reason.encode())
            self.end(RpcError(code, reason))
            self.messages.clear()

    def end(self, error=None):
        self.is_over, self.error = True, error
        del self.client.calls[self.id]

class Client:
    def __init__(self, host, port):
        self.socket, self.received, self.pong = socket.create_connection((host, port)), b"", b""
        self.calls, self.next_id, self.gone = {}, 1, None
        self.send(HELLO, 0, 0, b"FWP1\x01\x00" + bytes(4))  # version 1.0, no settings, no metadata

    def call(self, method, value, timeout=10):  # None = it may take for ever
        if self.gone:
            raise RpcError("UNAVAILABLE", self.gone, not_processed=True)
        call = self.calls[self.next_id] = Call(self, self.next_id, timeout)
        self.next_id += 2
        head = struct.pack(">IBB", max(1, int(timeout * 1000)) if timeout else 0, 1, len(method)) + method.encode()
        body, room = head + bytes(2) + json.dumps(value).encode(), MAX_FRAME - 6
        for at in range(0, len(body), room):
            self.send(DATA if at else OPEN, MORE if at + room < len(body) else LAST, call.id, body[at : at + room])
        return call

    def ping(self, timeout=10):  # how long it takes to the server and back
        start, opaque = time.monotonic(), struct.pack(">d", time.monotonic())
        self.send(PING, 0, 0, opaque)
        while self.pong != opaque:
            if self.gone or not self.read_frame(start + timeout):
                raise RpcError("UNAVAILABLE", self.gone or "no answer to PING")
        return time.monotonic() - start

    def send(self, kind, flags, stream_id, body):
        self.socket.settimeout(None)
        self.socket.sendall(struct.pack(">IBBI", 6 + len(body), kind, flags, stream_id) + body)

    def read_frame(self, deadline):  # takes one, wherever it belongs; False if none came in time
        while len(self.received) < 4 or len(self.received) < 4 + (length := int.from_bytes(self.received[:4], "big")):
            try:
                self.socket.settimeout(deadline and max(1e-6, deadline - time.monotonic()))
                chunk = self.socket.recv(MAX_FRAME)
            except TimeoutError:
                return False
            except OSError:
                chunk = b""
            self.received += chunk
            if not chunk or len(self.received) >= 4 and not 6 <= int.from_bytes(self.received[:4], "big") <= MAX_FRAME:
                return not self.lose(0, "the connection ended" if not chunk else "the server sent no frame", False)
        _, kind, flags, stream_id = struct.unpack_from(">IBBI", self.received)
        body, self.received = self.received[10 : 4 + length], self.received[4 + length :]
        call = self.calls.get(stream_id)  # None: a frame of the connection, or late
        if kind == PING and not flags & LAST:
            self.send(PING, LAST, 0, body)
        elif kind == PING:
            self.pong = body
        elif kind == GOAWAY:
            self.lose(int.from_bytes(body[:4], "big"), "the server goes away: " + body[5:].decode(), True)
        elif kind == DATA and call:
            call.part += body
            if not flags & (MORE | NONE):
                call.messages.append(call.part)
                call.part = b""
            if flags & LAST:
                call.end()
        elif kind == END and call:
            call.end(error_of(body))
        return True

    def lose(self, last_id, why, not_processed):
        self.gone = why
        for call in [call for call in self.calls.values() if call.id > last_id]:
            call.end(RpcError("UNAVAILABLE", why, not_processed=not_processed))

def error_of(body):  # u8 code, u8 bits, u16 metaLen, meta, u16 msgLen, message, u8 nameLen, name, details
    at = 6 + int.from_bytes(body[2:4], "big")
    name_at = at + int.from_bytes(body[at - 2 : at], "big") + 1
    details_at = name_at + body[name_at - 1]
    text, name = body[at : name_at - 1].decode(), body[name_at:details_at].decode()
    details = json.loads(body[details_at:]) if body[1] & 2 else None
    return body[0] and RpcError(CODES[min(body[0], 16)], text, name, details, body[1] & 1 == 1)
