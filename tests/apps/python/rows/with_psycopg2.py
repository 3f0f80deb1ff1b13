"""An app on psycopg 2."""

import contextlib

import psycopg2
import psycopg2.pool
from dialects import Postgres
from story import CA, Story


class Psycopg2(Postgres, Story):
    module = psycopg2

    def version(self):
        libpq = psycopg2.extensions.libpq_version()
        return f"psycopg2 {psycopg2.__version__.split()[0]}, libpq {libpq // 10000}.{libpq % 10000}"

    def tls(self, mode):
        match mode:
            case "default":
                return {}
            case "off":
                return dict(sslmode="disable")
            case "asks" | "trusting":
                return dict(sslmode="require")
            case "verified":
                return dict(sslmode="verify-full", sslrootcert=CA)

    def code(self, error):
        return error.pgcode

    def backend(self, connection):
        return connection.info.backend_pid

    def stop(self, watcher):
        self.connection.cancel()

    def make_pool(self):
        self.connections = psycopg2.pool.ThreadedConnectionPool(1, 10, **self.settings())

    @contextlib.contextmanager
    def borrowed(self):
        connection = self.connections.getconn()
        try:
            yield connection
        finally:
            self.connections.putconn(connection)


Psycopg2().tell()
