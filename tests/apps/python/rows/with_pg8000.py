"""An app on pg8000. It prepares all that it sends."""

import ssl

import pg8000.dbapi
import pg8000.native
from dialects import Postgres
from story import CA, Story


class Pg8000(Postgres, Story):
    module = pg8000.dbapi
    # Errors of the socket and of TLS come as they are.
    failures = (pg8000.dbapi.Error, OSError)

    def version(self):
        return f"pg8000 {pg8000.__version__}"

    def tls(self, mode):
        match mode:
            case "default":
                return {}
            case "off":
                return dict(ssl_context=False)
            case "asks" | "trusting":
                return dict(ssl_context=True)
            case "verified":
                return dict(ssl_context=ssl.create_default_context(cafile=CA))

    def code(self, error):
        return error.args[0]["C"]

    def prepare(self):
        """By its own interface; that of the DB-API keeps no prepared statement."""
        self.native = pg8000.native.Connection(**self.settings())
        self.twice = self.native.prepare("select cast(:number as int) * 2")

    def execute(self, number):
        return self.twice.run(number=number)[0][0]

    def backend(self, connection):
        self.pid = self.rows("select pg_backend_pid()", connection=connection)[0][0]
        return self.pid

    def stop(self, watcher):
        """It knows no cancel request: its users ask the server by another connection."""
        self.run("select pg_cancel_backend(%s)", (self.pid,), connection=watcher)


if __name__ == "__main__":
    Pg8000().tell()
