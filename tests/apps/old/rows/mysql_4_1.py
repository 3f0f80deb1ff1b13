"""A client of MySQL 4.1 to 5.4: it knows no names of plugins, and has one way to prove its password."""

import hashlib
import socket
import struct

from row import Refused, Row, given, say

# LONG_PASSWORD, LONG_FLAG, CONNECT_WITH_DB, PROTOCOL_41, TRANSACTIONS, SECURE_CONNECTION
CAPABILITIES = 1 | 4 | 8 | 0x200 | 0x2000 | 0x8000
UTF8MB4 = 45


def sha1(*parts):
    return hashlib.sha1(b"".join(parts)).digest()


class Session:
    """A session, byte by byte."""

    def __init__(self):
        self.peer = socket.create_connection((given("HOST"), given("PORT")))
        self.stream = self.peer.makefile("rb")
        greeting = self.packet()
        version = greeting.index(b"\0", 1) + 1
        self.server = greeting[1 : version - 1].decode()
        scramble = greeting[version + 4 : version + 12] + greeting[version + 31 : version + 51]
        self.send(self.response(scramble[:20]))
        self.packet()

    def response(self, scramble):
        once = sha1(given("PASSWORD").encode())
        proof = bytes(a ^ b for a, b in zip(once, sha1(scramble, sha1(once))))
        head = struct.pack("<IIB23x", CAPABILITIES, 1 << 24, UTF8MB4)
        return head + given("USER").encode() + b"\0" + bytes([len(proof)]) + proof + given("NAME").encode() + b"\0"

    def send(self, body):
        self.peer.sendall(struct.pack("<I", len(body))[:3] + bytes([self.number]) + body)

    def packet(self):
        head = self.stream.read(4)
        if len(head) < 4:
            raise ConnectionError("the server has left")
        self.number = head[3] + 1
        body = self.stream.read(int.from_bytes(head[:3], "little"))
        if body[0] == 0xFF:
            number = struct.unpack_from("<H", body, 1)[0]
            raise Refused(number, body[3:].decode())
        return body

    def query(self, sql):
        self.number = 0
        self.send(b"\x03" + sql.encode())
        head = self.packet()
        if head[0] == 0:
            return []
        for _ in range(head[0] + 1):
            self.packet()
        rows = []
        while True:
            body = self.packet()
            if body[0] == 0xFE and len(body) < 9:
                return rows
            rows.append(self.row(body))

    @staticmethod
    def row(body):
        values, at = [], 0
        while at < len(body):
            first, at = body[at], at + 1
            if first == 0xFB:
                values.append(None)
                continue
            width = {0xFC: 2, 0xFD: 3, 0xFE: 8}.get(first, 0)
            length = int.from_bytes(body[at : at + width], "little") if width else first
            at += width
            values.append(body[at : at + length].decode())
            at += length
        return values


class Old(Row):
    driver = "a client of MySQL 4.1, by hand"
    text, no_table = "longtext character set utf8mb4", 1146

    def connect(self):
        return Session()


if __name__ == "__main__":
    if given("TLS") in ("default", "off"):
        Old().tell()
    else:
        say(f"cannot: {given('TLS')}: bytes alone")
