"""An app on pymssql, which is FreeTDS's DB-Library."""

import os
import sys
import tempfile

import pymssql
from dialects import SqlServer
from story import CA, HOST, MODE, PORT, Story, expect

# That it timed out, and that its connection is dead then.
TIMED_OUT = "20003"
# What FreeTDS reads only from its own file: whose certificates to trust, for a server by that name.
VERIFIED = "encryption = require\nca file = {}\ncheck certificate hostname = yes\n"


class PyMsSql(SqlServer, Story):
    module = pymssql
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
                with tempfile.NamedTemporaryFile("w", suffix=".conf", delete=False) as file:
                    file.write(f"[orders]\nhost = {HOST}\nport = {PORT}\n{VERIFIED.format(CA)}")
                os.environ["FREETDSCONF"] = file.name
                return dict(server="orders")

    def words(self, settings):
        if "server" in settings:
            return "freetds.conf: " + "; ".join(VERIFIED.format("ca.pem").splitlines())
        return super().words(settings)

    def settings(self):
        return super().settings() | dict(port=str(PORT)) | self.tls(MODE)

    def code(self, error):
        return error.args[0]

    def cancel(self):
        """Its time-out, which ends the connection as well."""
        impatient = pymssql.connect(**self.settings(), timeout=1)
        try:
            self.rows(self.sleep, connection=impatient)
            sys.exit("the query went on")
        except pymssql.OperationalError as error:
            expect(TIMED_OUT in str(error), True)
        impatient.close()
        expect(self.rows("select 40 + 2"), [(42,)])


PyMsSql().tell()
