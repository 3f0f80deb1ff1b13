"""An app on mssql-python, which is Microsoft's ODBC driver in Python's words. It has a pool behind `connect`."""

import contextlib

import microsoft
import mssql_python
from odbc import OdbcOfSqlServer
from story import HOST, PORT


class MsSqlPython(OdbcOfSqlServer):
    module = mssql_python
    no_table = "Base table or view not found"

    def version(self):
        return f"mssql-python {mssql_python.__version__}"

    def tls(self, mode):
        return microsoft.tls(mode)

    def words(self, settings):
        return microsoft.words(settings)

    def place(self):
        place = super().place() | dict(Server=f"{HOST},{PORT}")
        del place["Port"]
        return place

    def code(self, error):
        """It keeps SQLSTATE to itself, and says what it means."""
        return error.driver_error

    def is_time_out(self, error):
        return self.code(error) == "Timeout expired"

    def open(self):
        return mssql_python.connect(";".join(f"{name}={value}" for name, value in self.settings().items()))

    def make_pool(self):
        mssql_python.pooling(max_size=10)

    def borrowed(self):
        return contextlib.closing(self.open())


if __name__ == "__main__":
    MsSqlPython().tell()
