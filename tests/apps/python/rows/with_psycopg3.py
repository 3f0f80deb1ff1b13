"""An app on psycopg 3 and its pool. A batch goes in its pipeline."""

import libpq
import psycopg
import psycopg_pool
from dialects import Postgres
from story import DATABASE, Story


class Psycopg3(Postgres, Story):
    module = psycopg
    connections = None

    def version(self):
        return f"psycopg {psycopg.__version__}, {libpq.version(psycopg.pq.version())}"

    def tls(self, mode):
        return libpq.tls(mode)

    def settings(self):
        settings = super().settings()
        del settings["database"]
        return settings | dict(dbname=DATABASE)

    def code(self, error):
        return error.sqlstate

    def prepare(self):
        pass

    def execute(self, number):
        return self.connection.execute("select %s::int * 2", (number,), prepare=True).fetchone()[0]

    def insert_all(self, things):
        with self.connection.pipeline():
            super().insert_all(things)

    def backend(self, connection):
        return self.driver_connection(connection).info.backend_pid

    def stop(self, watcher):
        self.driver_connection().cancel_safe()

    def make_pool(self):
        self.connections = psycopg_pool.ConnectionPool(
            kwargs=self.settings(), min_size=1, max_size=10, check=psycopg_pool.ConnectionPool.check_connection, open=True
        )

    def borrowed(self):
        return self.connections.connection()

    def reconnect(self):
        super().reconnect()
        # It would pause for longer after each dead connection that it meets.
        self.connections.check()

    def drop(self):
        super().drop()
        if self.connections:
            self.connections.close()


if __name__ == "__main__":
    Psycopg3().tell()
