"""Frames as Python programs make them: with struct, and with multiprocessing.connection of the standard library.

echo.py PORT: each connection sends a line, is answered "ok", and gets every frame back reversed.
  struct FORMAT COUNTS    a length in struct's FORMAT; COUNTS is "payload" or "frame"
  connection              send_bytes and recv_bytes of multiprocessing.connection
"""

import os
import random
import socket
import struct
import sys
import threading
from multiprocessing.connection import Connection


def read_exactly(stream, count):
    data = stream.read(count)
    if len(data) < count:
        raise EOFError
    return data


def write_in_pieces(peer, data):
    at = 0
    while at < len(data):
        end = at + random.randint(1, max(1, len(data) // 3))
        peer.sendall(data[at:end])
        at = end


def echo_struct(peer, stream, layout, counts):
    header = struct.calcsize(layout)
    own = header if counts == "frame" else 0
    while True:
        (length,) = struct.unpack(layout, read_exactly(stream, header))
        payload = read_exactly(stream, length - own)
        write_in_pieces(peer, struct.pack(layout, len(payload) + own) + payload[::-1])


def echo_connection(peer):
    with Connection(os.dup(peer.fileno())) as connection:
        while True:
            connection.send_bytes(connection.recv_bytes()[::-1])


def serve(peer):
    with peer, peer.makefile("rb") as stream:
        words = stream.readline().decode().split()
        if not words:
            return
        peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        peer.sendall(b"ok\n")
        try:
            if words[0] == "connection":
                echo_connection(peer)
            else:
                echo_struct(peer, stream, words[1], words[2])
        except (EOFError, ConnectionError):
            pass


def main():
    with socket.create_server(("127.0.0.1", int(sys.argv[1]))) as server:
        while True:
            peer, _ = server.accept()
            threading.Thread(target=serve, args=(peer,), daemon=True).start()


main()
