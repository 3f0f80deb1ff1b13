"""Start-up 3.0 by a client that asks for what the server has not: an option of the protocol that nobody knows, and a setting that nobody knows."""

import socket
import struct

from row import Refused, Row, given, same, say


def strings(*texts):
    return b"".join(text.encode() + b"\0" for text in texts)


class Session:
    """A session, byte by byte."""

    def __init__(self, *settings):
        self.peer = socket.create_connection((given("HOST"), given("PORT")))
        self.stream = self.peer.makefile("rb")
        named = strings("user", given("USER"), "database", given("NAME"), "client_encoding", "UTF8", *settings)
        body = struct.pack("!I", 3 << 16) + named + b"\0"
        self.peer.sendall(struct.pack("!I", len(body) + 4) + body)
        self.negotiated = None
        self.rows()

    def send(self, kind, body):
        self.peer.sendall(kind + struct.pack("!I", len(body) + 4) + body)

    def message(self):
        head = self.stream.read(5)
        if len(head) < 5:
            raise ConnectionError("the server has left")
        return head[:1], self.stream.read(struct.unpack("!I", head[1:])[0] - 4)

    def rows(self):
        """What comes until the server is ready."""
        rows, error = [], None
        while True:
            kind, body = self.message()
            if kind == b"D":
                rows.append(self.row(body))
            elif kind == b"v":
                self.negotiated = body
            elif kind == b"R":
                same(0, struct.unpack("!I", body)[0])
            elif kind == b"K":
                self.key = body
            elif kind == b"E":
                fields = {field[:1]: field[1:].decode() for field in body.split(b"\0") if field}
                error = Refused(fields[b"C"], f"{fields[b'S']}: {fields[b'M']}")
                if fields[b"S"] == "FATAL":
                    raise error
            elif kind == b"Z":
                if error:
                    raise error
                return rows

    @staticmethod
    def row(body):
        values, at = [], 2
        while at < len(body):
            length = struct.unpack_from("!i", body, at)[0]
            at += 4
            values.append(None if length < 0 else body[at : at + length].decode())
            at += max(length, 0)
        return values

    def query(self, sql):
        self.send(b"Q", strings(sql))
        return self.rows()

    def execute(self, sql, *values):
        """With bound parameters, by the extended protocol."""
        self.send(b"P", strings("", sql) + struct.pack("!H", 0))
        bound = b"".join(struct.pack("!I", len(value.encode())) + value.encode() for value in values)
        self.send(b"B", strings("", "") + struct.pack("!HH", 0, len(values)) + bound + struct.pack("!H", 0))
        self.send(b"E", strings("") + struct.pack("!I", 0))
        self.send(b"S", b"")
        return self.rows()


class Options(Row):
    driver = "start-up 3.0 with unknown options, by hand"

    def connect(self):
        session = Session("_pq_.nobody_knows", "1")
        # It says the newest version that it speaks of 3, and what it did not understand.
        same(struct.pack("!I", 1) + strings("_pq_.nobody_knows"), session.negotiated[4:])
        return session

    def select(self):
        super().select()
        try:
            Session("nobody_knows", "1")
        except Refused as error:
            same("42704", error.code)
            assert "nobody_knows" in str(error), error
        else:
            raise AssertionError("a setting that nobody knows was taken")

    def parameters(self):
        same([["a name"]], self.database.execute("select $1::text", "a name"))

    def cancel(self):
        other = self.connect()
        sql = "select pg_sleep(600)"
        self.database.send(b"Q", strings(sql))
        pid = struct.unpack("!I", self.database.key[:4])[0]
        while other.query(f"select count(*) from pg_stat_activity where pid = {pid} and query = '{sql}' and state = 'active'") == [["0"]]:
            pass
        with socket.create_connection((given("HOST"), given("PORT"))) as canceller:
            canceller.sendall(struct.pack("!II", 16, 80877102) + self.database.key)
            # Its end says that the signal has been sent, which would meet the next query otherwise.
            same(b"", canceller.recv(1))
        try:
            self.database.rows()
        except Refused as error:
            same("57014", error.code)
        else:
            raise AssertionError("not cancelled")


if given("TLS") in ("default", "off"):
    Options().tell()
else:
    say(f"cannot: {given('TLS')}: bytes alone")
