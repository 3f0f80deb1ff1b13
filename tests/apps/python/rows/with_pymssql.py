"""An app on pymssql, which is FreeTDS's DB-Library."""

import freetds
import pymssql
from dialects import SqlServer
from story import MODE, PORT, Story


class PyMsSql(SqlServer, Story):
    module = pymssql
    # Its `rollback` lets through what its own layer below says.
    failures = (pymssql.Error, pymssql._mssql.MSSQLException)
    # It quotes an empty `bytes` as text, which SQL Server takes for no varbinary.
    empty = None

    def version(self):
        return f"pymssql {pymssql.__version__}, {pymssql.get_dbversion()}"

    def tls(self, mode):
        match mode:
            case "default":
                return {}
            case "off":
                return dict(encryption="off")
            case "asks" | "trusting":
                return dict(encryption="require")
            case "verified":
                freetds.describe("orders")
                return dict(server="orders")

    def words(self, settings):
        return freetds.WORDS if "server" in settings else super().words(settings)

    def settings(self):
        return super().settings() | dict(port=str(PORT)) | self.tls(MODE)

    def code(self, error):
        return error.args[0]

    def is_time_out(self, error):
        return "20003" in str(error)


if __name__ == "__main__":
    PyMsSql().tell()
