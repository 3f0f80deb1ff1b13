"""An app on asyncpg, with its pool."""

import asyncio
import ssl
import sys

import asyncpg
from asynchronous import wait
from dialects import Postgres
from story import CA, Story, expect


def numbered(sql):
    """Its parameters have numbers."""
    first, *others = sql.split("%s")
    return first + "".join(f"${number}{text}" for number, text in enumerate(others, 1))


class AsyncPg(Postgres, Story):
    failures = (asyncpg.PostgresError, asyncpg.InterfaceError, OSError)

    def version(self):
        return f"asyncpg {asyncpg.__version__}"

    def tls(self, mode):
        match mode:
            case "default":
                return {}
            case "off":
                return dict(ssl="disable")
            case "asks" | "trusting":
                return dict(ssl="require")
            case "verified":
                return dict(ssl=ssl.create_default_context(cafile=CA))

    def code(self, error):
        return error.sqlstate

    def open(self):
        return wait(asyncpg.connect(**self.settings()))

    def rows(self, sql, parameters=(), connection=None):
        return [tuple(row) for row in wait((connection or self.connection).fetch(numbered(sql), *parameters))]

    run = rows

    # It commits each statement by itself, and a transaction is a context.

    def commit(self):
        pass

    def undo(self, connection=None):
        pass

    def rollback(self):
        insert = f"insert into {self.table} (id, name) values (2, $1)"

        async def fails():
            async with self.connection.transaction():
                await self.connection.execute(insert, "lost")
                raise LookupError("changed its mind")

        async def succeeds():
            async with self.connection.transaction():
                await self.connection.execute(insert, "kept")

        before = self.count()
        try:
            wait(fails())
        except LookupError:
            expect(self.count(), before)
        wait(succeeds())
        expect(self.read(2), ("kept", None))

    def prepare(self):
        self.twice = wait(self.connection.prepare("select $1::int * 2"))

    def execute(self, number):
        return wait(self.twice.fetchval(number))

    def insert_all(self, things):
        wait(self.connection.executemany(f"insert into {self.table} (id, name) values ($1, $2)", things))

    def cancel(self):
        """A task that is cancelled cancels its query."""
        watcher = self.open()
        running = self.running(self.connection)

        async def both():
            sleeping = asyncio.create_task(self.connection.fetch(self.sleep))
            while not await watcher.fetchval(running):
                pass
            sleeping.cancel()
            try:
                await sleeping
                sys.exit("the query went on")
            except asyncio.CancelledError:
                return await self.connection.fetchval("select 40 + 2")

        expect(wait(both()), 42)
        expect(self.rows(running, connection=watcher), [(0,)])
        wait(watcher.close())

    def backend(self, connection):
        return connection.get_server_pid()

    def pool(self):
        async def make():
            self.connections = await asyncpg.create_pool(min_size=1, max_size=10, **self.settings())
            return await asyncio.gather(*(self.use() for _ in range(100)))

        expect(wait(make()), [42] * 100)

    async def use(self):
        async with self.connections.acquire() as connection:
            return await connection.fetchval("select 40 + 2")

    def use_pool(self):
        return [(wait(self.use()),)]

    def reconnect(self):
        try:
            self.read(6)
        except self.failures:
            self.connection = self.open()
            raise


if __name__ == "__main__":
    AsyncPg().tell()
