"""An app on aiopg, which is psycopg 2 in asyncio."""

import asyncio

import aiopg
import libpq
import psycopg2
from asynchronous import Asynchronous, wait
from dialects import Postgres
from story import expect


class AioPg(Postgres, Asynchronous):
    module = aiopg
    failures = (psycopg2.Error,)

    def version(self):
        return f"aiopg {aiopg.__version__}, {libpq.version(psycopg2.extensions.libpq_version())}"

    def tls(self, mode):
        return libpq.tls(mode)

    def settings(self):
        settings = super().settings()
        settings["dbname"] = settings.pop("db")
        return settings

    def code(self, error):
        # It makes a cancelled task of a cancelled query.
        return self.cancelled if isinstance(error, asyncio.CancelledError) else error.pgcode

    # It commits each statement by itself, and a transaction is a context.

    def commit(self):
        pass

    def undo(self, connection=None):
        pass

    def rollback(self):
        insert = f"insert into {self.table} (id, name) values (2, %s)"

        async def fails():
            async with self.connection.cursor() as cursor, cursor.begin():
                await cursor.execute(insert, ("lost",))
                raise LookupError("changed its mind")

        async def succeeds():
            async with self.connection.cursor() as cursor, cursor.begin():
                await cursor.execute(insert, ("kept",))

        before = self.count()
        try:
            wait(fails())
        except LookupError:
            expect(self.count(), before)
        wait(succeeds())
        expect(self.read(2), ("kept", None))

    def insert_all(self, things):
        """It has no `executemany`."""
        values = ", ".join(["(%s, %s)"] * len(things))
        self.run(f"insert into {self.table} (id, name) values {values}", [value for thing in things for value in thing])

    def backend(self, connection):
        self.pid = self.rows("select pg_backend_pid()", connection=connection)[0][0]
        return self.pid

    async def stop_by(self, watcher):
        """It has no `cancel` either: its users ask the server by another connection."""
        await self.rows_of(watcher, "select pg_cancel_backend(%s)", (self.pid,))


if __name__ == "__main__":
    AioPg().tell()
