"""An app on psycopg 2."""

import contextlib

import libpq
import psycopg2
import psycopg2.pool
from dialects import Postgres
from story import Story


class Psycopg2(Postgres, Story):
    module = psycopg2

    def version(self):
        return f"psycopg2 {psycopg2.__version__.split()[0]}, {libpq.version(psycopg2.extensions.libpq_version())}"

    def tls(self, mode):
        return libpq.tls(mode)

    def code(self, error):
        return error.pgcode

    def backend(self, connection):
        return self.driver_connection(connection).info.backend_pid

    def stop(self, watcher):
        self.driver_connection().cancel()

    def make_pool(self):
        self.connections = psycopg2.pool.ThreadedConnectionPool(1, 10, **self.settings())

    @contextlib.contextmanager
    def borrowed(self):
        connection = self.connections.getconn()
        try:
            yield connection
        finally:
            self.connections.putconn(connection)


if __name__ == "__main__":
    Psycopg2().tell()
