"""A client of MySQL 3.23 to 4.0, with eight bytes of proof. No server of today takes it."""

import struct

import mysql_4_1
from row import given, say


class Session(mysql_4_1.Session):
    def response(self, scramble):
        # LONG_PASSWORD, LONG_FLAG, CONNECT_WITH_DB, TRANSACTIONS
        head = struct.pack("<H", 1 | 4 | 8 | 0x2000) + b"\xff\xff\xff"
        return head + given("USER").encode() + b"\0" + b"eight by\0" + given("NAME").encode() + b"\0"


class Older(mysql_4_1.Old):
    driver = "a client of MySQL 3.23, by hand"

    def connect(self):
        return Session()


if given("TLS") in ("default", "off"):
    Older().tell()
else:
    say(f"cannot: {given('TLS')}: bytes alone")
