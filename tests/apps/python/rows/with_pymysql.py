"""An app on PyMySQL."""

import pymysql
from dialects import MySql
from story import CA, Story


class PyMySql(MySql, Story):
    module = pymysql

    def version(self):
        return f"PyMySQL {pymysql.VERSION_STRING}"

    def tls(self, mode):
        match mode:
            case "default":
                return {}
            case "off":
                return dict(ssl_disabled=True)
            case "asks":
                return dict(ssl={"ssl": True})
            case "trusting":
                return dict(ssl={"verify_mode": "none"})
            case "verified":
                return dict(ssl_ca=CA, ssl_verify_cert=True, ssl_verify_identity=True)


if __name__ == "__main__":
    PyMySql().tell()
