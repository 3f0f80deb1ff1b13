"""An app on pymssql, which is FreeTDS's DB-Library."""

import freetds
import pymssql
from dialects import SqlServer
from story import PORT, Story


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
        settings = super().settings() | dict(port=str(PORT))
        if "server" in settings:
            # Its host is in freetds.conf; `host` would come before it.
            del settings["host"]
        return settings

    def code(self, error):
        return error.args[0]

    def is_time_out(self, error):
        return "20003" in str(error)


if __name__ == "__main__":
    PyMsSql().tell()
