"""An app on MySQL Connector/Python, in the flavour of the first argument: pure, or c."""

import sys

import _mysql_connector
import mysql.connector
import mysql.connector.pooling
from dialects import MySql
from story import CA, Story

FLAVOUR = sys.argv[1]


class MySqlConnector(MySql, Story):
    module = mysql.connector
    # Its `rollback` lets through what its C says.
    failures = (mysql.connector.Error, _mysql_connector.MySQLInterfaceError)

    def version(self):
        flavour = {"pure": "pure Python", "c": "libmysqlclient"}[FLAVOUR]
        return f"mysql-connector-python {mysql.connector.__version__}, {flavour}"

    def tls(self, mode):
        match mode:
            case "default":
                return {}
            case "off":
                return dict(ssl_disabled=True)
            case "asks":
                return dict(ssl_disabled=False)
            case "trusting":
                return dict(ssl_verify_cert=False)
            case "verified":
                return dict(ssl_ca=CA, ssl_verify_cert=True, ssl_verify_identity=True)

    def settings(self):
        return super().settings() | dict(use_pure=FLAVOUR == "pure")

    def code(self, error):
        return error.errno

    def backend(self, connection):
        return self.driver_connection(connection).connection_id

    def prepare(self):
        self.twice = self.connection.cursor(prepared=True)

    def execute(self, number):
        self.twice.execute("select ? * 2", (number,))
        return self.twice.fetchone()[0]

    def make_pool(self):
        self.connections = mysql.connector.pooling.MySQLConnectionPool(pool_size=10, pool_name="orders", **self.settings())

    def borrowed(self):
        return self.connections.get_connection()


if __name__ == "__main__":
    MySqlConnector().tell()
