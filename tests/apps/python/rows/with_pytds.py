"""An app on python-tds."""

import importlib.metadata

import certifi
import OpenSSL.SSL
import pytds
from dialects import SqlServer
from story import CA, DATABASE, HOST, MODE, PASSWORD, PORT, USER, Cannot, Story


class PyTds(SqlServer, Story):
    module = pytds
    failures = (pytds.Error, OpenSSL.SSL.Error, OSError)

    def version(self):
        return f"python-tds {importlib.metadata.version('python-tds')}"

    def tls(self, mode):
        match mode:
            case "default" | "off":
                return {}
            case "asks":
                return dict(cafile=certifi.where())
            case "trusting":
                raise Cannot("it verifies whenever it uses TLS")
            case "verified":
                return dict(cafile=CA)

    def settings(self):
        return dict(dsn=HOST, port=PORT, user=USER, password=PASSWORD, database=DATABASE) | self.tls(MODE)

    def words(self, settings):
        return "cafile=certifi.where()" if MODE == "asks" else super().words(settings)

    def code(self, error):
        return error.number

    def binary(self, content):
        return content if content is None else pytds.Binary(content)

    def is_time_out(self, error):
        return isinstance(error, TimeoutError)


if __name__ == "__main__":
    PyTds().tell()
