"""The story of rows about old and odd ways to speak: what a client does, told to the runner line by line.

A row gives a class with `connect`, whose `query` of an SQL text gives rows of texts; what it has no method for is not its job.
"""

import os
import secrets
import sys
import time

WHOLE = ["connect", "create", "parameters", "prepared", "rollback", "large", "nulls", "unicode", "batch", "error", "cancel", "pool", "metadata"]
SHORT = ["connect", "parameters", "large", "error"]


def given(name):
    return os.environ[f"DB_{name}"]


def say(line):
    print(" ".join(line.split()), flush=True)


def same(expected, seen):
    assert expected == seen, f"not {expected!r:.200} but {seen!r:.200}"


class Refused(Exception):
    """The server's error: its SQLSTATE or number, and its text."""

    def __init__(self, code, text):
        super().__init__(text)
        self.code = code


class Row:
    driver = setting = ""
    text, no_table = "text", "42P01"
    parameters = prepared = cancel = pool = None

    def __init__(self):
        self.table = f"things_{secrets.token_hex(4)}"

    def tell(self):
        say(f"driver: {self.driver}")
        say(f"setting: {self.setting}")
        try:
            self.database = self.connect()
        except Refused as error:
            say(f"refused: {error}")
            return
        whole = given("STORY") == "whole"
        for step in WHOLE if whole else SHORT:
            act = getattr(self, {"connect": "select"}.get(step, step))
            if act is None:
                say(f"cannot: {step}: not its job")
            else:
                act()
                say(f"did: {step}")
        if whole:
            self.survive("proxy")
            self.survive("upstream")
            self.query(f"drop table {self.table}")

    def query(self, sql):
        return self.database.query(sql)

    def select(self):
        same([["42"]], self.query("select 40 + 2"))

    def create(self):
        self.query(f"create table {self.table} (id int primary key, name {self.text})")

    def inserted(self, number, name):
        literal = "null" if name is None else f"'{name}'"
        self.query(f"insert into {self.table} (id, name) values ({number}, {literal})")
        same([[name]], self.query(f"select name from {self.table} where id = {number}"))

    def rollback(self):
        count = f"select count(*) from {self.table}"
        before = self.query(count)
        for sql in ["begin", f"insert into {self.table} (id, name) values (201, 'lost')", "rollback"]:
            self.query(sql)
        same(before, self.query(count))
        for sql in ["begin", f"insert into {self.table} (id, name) values (202, 'kept')", "commit"]:
            self.query(sql)
        same([["202"]], self.query(f"select id from {self.table} where id > 200"))

    def large(self):
        much = secrets.token_hex(5 << 19)
        if given("STORY") == "whole":
            self.inserted(301, much)
        else:
            same([[much]], self.query(f"select '{much}'"))

    def nulls(self):
        self.inserted(401, None)

    def unicode(self):
        self.inserted(501, "Grüße, 世界 🎉")

    def batch(self):
        rows = ", ".join(f"({number}, 'of many {number}')" for number in range(1001, 1501))
        self.query(f"insert into {self.table} (id, name) values {rows}")
        same([["500"]], self.query(f"select count(*) from {self.table} where id > 1000"))

    def error(self):
        try:
            self.query("select * from nowhere_at_all")
        except Refused as error:
            same(self.no_table, error.code)
        else:
            raise AssertionError("no error")
        self.select()

    def metadata(self):
        sql = f"select column_name from information_schema.columns where table_name = '{self.table}' order by ordinal_position"
        same([["id"], ["name"]], self.query(sql))

    def survive(self, who):
        say(f"now: {who} restarts")
        sys.stdin.readline()
        for attempt in range(50):
            try:
                self.select()
                break
            except (Refused, OSError):
                if attempt == 49:
                    raise
            try:
                self.database = self.connect()
            except (Refused, OSError):
                time.sleep(0.05)
        say(f"did: {who} restart")
