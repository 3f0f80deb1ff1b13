"""The story that each driver's program here goes through, on any driver of Python's DB-API, and how it is told: a line for each step.

A program makes a class of this, of the SQL of its database (`dialects.py`) and of what its driver does in its own way.
"""

import concurrent.futures
import contextlib
import inspect
import os
import ssl
import sys
import threading
import time
import uuid

HOST = os.environ["DB_HOST"]
PORT = int(os.environ["DB_PORT"])
USER = os.environ["DB_USER"]
PASSWORD = os.environ["DB_PASSWORD"]
DATABASE = os.environ["DB_NAME"]
MODE = os.environ["DB_TLS"]
CA = os.environ.get("DB_CA", "")

STEPS = {
    "whole": "connect, create, parameters, prepared, rollback, large, nulls, unicode, batch, error, cancel, pool, metadata,"
    " proxy restart, upstream restart",
    "short": "connect, parameters, large, error",
}
TEXT = "Grüße, 世界 🎉"
LARGE = bytes((at * 7 + at // 251) % 256 for at in range(1 << 16)) * 80


class Cannot(Exception):
    """The driver has no such thing; says why."""


def say(word, text):
    print(f"{word}: {text}".rstrip(), flush=True)


def expect(seen, wanted):
    if seen != wanted:
        caller = inspect.stack()[1]
        sys.exit(f"{caller.filename}:{caller.lineno}: {seen!r:.300} instead of {wanted!r:.300}")


def one_line(error):
    """What a person reads: the error, then what caused it."""
    texts = [" ".join(str(error).split())]
    while error := error.__cause__:
        text = " ".join(str(error).split())
        if not any(text in shown for shown in texts):
            texts.append(text)
    return ": ".join(texts)


def word(value):
    """A setting as its users write it."""
    match value:
        case ssl.SSLContext(verify_mode=ssl.CERT_NONE):
            return "ssl._create_unverified_context()"
        case ssl.SSLContext() if MODE == "verified":
            return 'ssl.create_default_context(cafile="ca.pem")'
        case ssl.SSLContext():
            return "ssl.create_default_context()"
        case str():
            return '"ca.pem"' if value == CA else f'"{value}"'
        case dict():
            return "{" + ", ".join(f'"{name}": {word(one)}' for name, one in value.items()) + "}"
        case _:
            return str(value)


def again(work, failures):
    """Does it until it works, as an app does whose database has been away."""
    for attempt in range(50):
        try:
            return work()
        except failures as error:
            last = error
            time.sleep(0.05)
    sys.exit(f"still after 50 attempts: {one_line(last)}")


class Story:
    """The steps, each a method. Those that a driver does in its own way are replaced by its program."""

    #: The driver's module of the DB-API.
    module = None
    #: How a parameter is marked.
    mark = "%s"
    empty = b""

    def __init__(self):
        self.table = f"things_{uuid.uuid4().hex[:12]}"
        self.connection = None

    # What a program says of its driver.

    def version(self):
        """The driver's name and version, by its own word."""
        raise NotImplementedError

    def tls(self, mode):
        """The driver's settings for a way of TLS, as arguments of `connect`."""
        raise NotImplementedError

    def words(self, settings):
        """Those settings as its users write them."""
        return ", ".join(f"{name}={word(value)}" for name, value in settings.items())

    def settings(self):
        return dict(host=HOST, port=PORT, user=USER, password=PASSWORD, database=DATABASE) | self.tls(MODE)

    @property
    def failures(self):
        """What its users catch."""
        return (self.module.Error,)

    # How it is asked: by the DB-API.

    def open(self, **more):
        return self.module.connect(**self.settings(), **more)

    def driver_connection(self, connection=None):
        """The driver's own, where there is something around it."""
        return connection or self.connection

    def run(self, sql, parameters=(), connection=None):
        with contextlib.closing((connection or self.connection).cursor()) as cursor:
            # A statement without parameters may hold a `%`.
            cursor.execute(self.marked(sql), *([tuple(parameters)] if parameters else []))

    def rows(self, sql, parameters=(), connection=None):
        with contextlib.closing((connection or self.connection).cursor()) as cursor:
            cursor.execute(self.marked(sql), *([tuple(parameters)] if parameters else []))
            return [tuple(row) for row in cursor.fetchall()]

    def marked(self, sql):
        return sql.replace("%s", self.mark)

    def commit(self):
        self.connection.commit()

    def undo(self, connection=None):
        (connection or self.connection).rollback()

    # The steps.

    def connect(self):
        self.connection = self.open()
        expect(self.rows("select 40 + 2"), [(42,)])

    def create(self):
        self.run(f"create table {self.table} (id int primary key, name {self.text} null, content {self.bytes} null)")
        self.commit()

    def drop(self):
        self.run(f"drop table {self.table}")
        self.commit()

    def insert(self, number, name, content=None):
        sql = f"insert into {self.table} (id, name, content) values (%s, %s, {self.content_mark})"
        self.run(sql, (number, name, self.binary(content)))

    def binary(self, content):
        return content

    def read(self, number):
        ((name, content),) = self.rows(f"select name, content from {self.table} where id = %s", (number,))
        return name, content if content is None else bytes(content)

    def count(self):
        return self.rows(f"select count(*) from {self.table}")[0][0]

    def parameters(self):
        self.insert(1, "one's", b"\0\xff'\\")
        self.commit()
        expect(self.read(1), ("one's", b"\0\xff'\\"))

    def prepared(self):
        self.prepare()
        for number in range(20):
            expect(self.execute(number), number * 2)
        self.undo()

    def rollback(self):
        before = self.count()
        self.insert(2, "lost")
        self.undo()
        expect(self.count(), before)
        self.insert(2, "kept")
        self.commit()
        self.undo()
        expect(self.read(2), ("kept", None))

    def large(self):
        self.insert(3, None, LARGE)
        self.commit()
        name, content = self.read(3)
        expect((len(content), content == LARGE), (len(LARGE), True))

    def nulls(self):
        self.insert(4, None)
        self.insert(5, "", self.empty)
        self.commit()
        expect([self.read(4), self.read(5)], [(None, None), ("", self.empty)])

    def unicode(self):
        self.insert(6, TEXT)
        self.commit()
        expect(self.read(6)[0], TEXT)

    def batch(self):
        before = self.count()
        self.insert_all([(number, f"name {number}") for number in range(1000, 1500)])
        self.commit()
        expect(self.count(), before + 500)

    def insert_all(self, things):
        with contextlib.closing(self.connection.cursor()) as cursor:
            cursor.executemany(self.marked(f"insert into {self.table} (id, name) values (%s, %s)"), things)

    def error(self):
        try:
            self.rows("select * from nowhere")
            sys.exit("`select * from nowhere` gave rows")
        except self.failures as error:
            expect(self.code(error), self.no_table)
        self.undo()
        expect(self.rows("select 40 + 2"), [(42,)])
        self.undo()

    def cancel(self):
        """Another thread waits until the query runs, and cancels it."""
        watcher = self.open()
        running = self.running(self.connection)

        def stop():
            while not self.rows(running, connection=watcher)[0][0]:
                self.undo(watcher)
            self.stop(watcher)

        self.undo()
        stopper = threading.Thread(target=stop)
        stopper.start()
        self.expect_cancelled()
        stopper.join()
        watcher.close()

    def expect_cancelled(self):
        try:
            self.rows(self.sleep)
            sys.exit("the query went on")
        except self.failures as error:
            expect(self.code(error), self.cancelled)
        self.undo()
        expect(self.rows("select 40 + 2"), [(42,)])
        self.undo()

    def pool(self):
        self.make_pool()
        with concurrent.futures.ThreadPoolExecutor(10) as threads:
            for seen in threads.map(lambda _: self.use_pool(), range(100)):
                expect(seen, [(42,)])

    def make_pool(self):
        """DBUtils', for drivers without one of their own. It asks a connection whether it lives before it gives it."""
        from dbutils.pooled_db import PooledDB

        self.connections = PooledDB(self.module, maxconnections=10, blocking=True, **self.settings())

    def use_pool(self):
        with self.borrowed() as connection:
            return self.rows("select 40 + 2", connection=connection)

    def borrowed(self):
        return contextlib.closing(self.connections.connection())

    def metadata(self):
        columns = "select column_name from information_schema.columns where table_name = %s order by ordinal_position"
        expect(self.rows(columns, (self.table,)), [("id",), ("name",), ("content",)])
        self.undo()

    def proxy_restart(self):
        self.outlive("proxy")

    def upstream_restart(self):
        self.outlive("upstream")

    def outlive(self, what):
        say("now", f"{what} restarts")
        sys.stdin.readline()
        again(self.reconnect, self.failures)
        for _ in range(20):
            expect(again(self.use_pool, self.failures), [(42,)])

    def reconnect(self):
        """The old connection may be dead, which its user learns from the first error."""
        try:
            self.undo()
            self.read(6)
        except self.failures:
            with contextlib.suppress(*self.failures):
                self.connection.close()
            self.connection = self.open()
            raise

    # The telling.

    def tell(self):
        say("driver", self.version())
        try:
            say("setting", self.words(self.tls(MODE)))
        except Cannot as why:
            return say("cannot", f"{MODE}: {why}")
        try:
            self.connect()
        except self.failures as error:
            return say("refused", self.shown(error))
        say("did", "connect")
        story = STEPS[os.environ["DB_STORY"]].split(", ")
        if "create" not in story:
            self.create()
        for step in story[1:]:
            try:
                getattr(self, step.replace(" ", "_"))()
                say("did", step)
            except Cannot as why:
                say("cannot", f"{step}: {why}")
        self.drop()

    def shown(self, error):
        return one_line(error)
