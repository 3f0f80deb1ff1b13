"""An app on aiomysql, or on asyncmy, which is made like it: the first argument says which."""

import importlib
import importlib.metadata
import ssl
import sys

from asynchronous import Asynchronous
from dialects import MySql
from story import CA

driver = importlib.import_module(sys.argv[1])
errors = importlib.import_module("pymysql" if sys.argv[1] == "aiomysql" else "asyncmy.errors")


def unverified():
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


class AioMySql(MySql, Asynchronous):
    module = driver
    failures = (errors.MySQLError, OSError)

    def version(self):
        return f"{driver.__name__} {importlib.metadata.version(driver.__name__)}"

    def tls(self, mode):
        match mode:
            case "default" | "off":
                return {}
            case "asks":
                return dict(ssl=ssl.create_default_context())
            case "trusting":
                return dict(ssl=unverified())
            case "verified":
                return dict(ssl=ssl.create_default_context(cafile=CA))

    def backend(self, connection):
        return connection.thread_id()

    async def stop_by(self, watcher):
        await self.rows_of(watcher, f"kill query {self.connection.thread_id()}")


if __name__ == "__main__":
    AioMySql().tell()
