"""An app on pyodbc, and the ODBC driver of the first argument, which is in the file that ODBC_DRIVER names."""

import importlib.metadata
import os
import pathlib
import subprocess
import sys

import freetds
import microsoft
import pyodbc
from dialects import MySql, Postgres
from odbc import Odbc, OdbcOfSqlServer
from story import CA, HOST, MODE, PORT

DRIVER = sys.argv[1]


class PyOdbc(Odbc):
    module = pyodbc

    def version(self):
        return f"pyodbc {pyodbc.version}, {self.named}"

    def debian(self, package):
        """The version that Debian's package has."""
        asked = subprocess.run(["dpkg-query", "-W", "-f", "${Version}", package], capture_output=True, text=True, check=True)
        return asked.stdout.partition(":")[2].partition("-")[0] or asked.stdout.partition("-")[0]

    def place(self):
        return {"Driver": os.environ["ODBC_DRIVER"]} | super().place()


class PsqlOdbc(PyOdbc, Postgres):
    twice = "select ?::int * 2"
    no_table = "42P01"

    @property
    def named(self):
        return f"psqlODBC {self.debian('odbc-postgresql')}"

    def tls(self, mode):
        match mode:
            case "default":
                return {}
            case "off":
                return dict(SSLmode="disable")
            case "asks" | "trusting":
                return dict(SSLmode="require")
            case "verified":
                return dict(SSLmode="verify-full", pqopt="{sslrootcert=" + CA + "}")

    def backend(self, connection):
        return self.rows("select pg_backend_pid()", connection=connection)[0][0]


class MariaDbOdbc(PyOdbc, MySql):
    cancelled = "HY018"
    # Its cancel from another thread may crash it.
    stop = MySql.stop

    @property
    def named(self):
        return f"MariaDB ODBC {self.debian('odbc-mariadb')}"

    def tls(self, mode):
        match mode:
            case "default" | "off":
                return {}
            case "asks" | "trusting":
                return dict(FORCETLS="1")
            case "verified":
                # Not `localhost`, which is a socket file to it.
                return dict(SSLCA=CA, SSLVERIFY="1", Server="127.0.0.1")

    def backend(self, connection):
        return self.rows("select connection_id()", connection=connection)[0][0]


class FreeTds(PyOdbc, OdbcOfSqlServer):
    @property
    def named(self):
        return f"FreeTDS {self.debian('tdsodbc')}"

    def tls(self, mode):
        match mode:
            case "default":
                return {}
            case "off":
                return dict(Encryption="off")
            case "asks" | "trusting":
                return dict(Encryption="require")
            case "verified":
                freetds.describe("orders")
                return dict(Servername="orders")

    def place(self):
        place = super().place()
        return {name: place[name] for name in place if MODE != "verified" or name not in ("Server", "Port")}

    def words(self, settings):
        return freetds.WORDS if "Servername" in settings else super().words(settings)


class Microsoft(PyOdbc, OdbcOfSqlServer):
    @property
    def named(self):
        return f"msodbcsql {importlib.metadata.version('mssql-python-odbc')}"

    def place(self):
        """The driver is the one in the package of Microsoft's own module."""
        import mssql_python_odbc

        files = pathlib.Path(mssql_python_odbc.__file__).parent.glob("libs/linux/debian_ubuntu/*/lib/libmsodbcsql*")
        place = Odbc.place(self) | dict(Driver=str(next(files)), Server=f"{HOST},{PORT}")
        del place["Port"]
        return place

    def tls(self, mode):
        return microsoft.tls(mode)

    def words(self, settings):
        return microsoft.words(settings)


if __name__ == "__main__":
    {"psqlodbc": PsqlOdbc, "mariadb": MariaDbOdbc, "freetds": FreeTds, "microsoft": Microsoft}[DRIVER]().tell()
