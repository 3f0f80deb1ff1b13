"""The story on ODBC, by pyodbc or what is made like it: parameters are `?`, and settings are the words of a connection string."""

import contextlib

from dialects import SqlServer
from story import CA, DATABASE, HOST, MODE, PASSWORD, PORT, USER, Story, expect


class Odbc(Story):
    mark = "?"
    no_table = "42S02"
    #: The statement that `execute` prepares.
    twice = "select ? * 2"
    latest = None

    def place(self):
        return {"Server": HOST, "Port": str(PORT), "Database": DATABASE, "UID": USER, "PWD": PASSWORD}

    def settings(self):
        return self.place() | self.tls(MODE)

    def words(self, settings):
        return ";".join(f"{name}={value}" for name, value in settings.items()).replace(CA or "\0", "ca.pem")

    def code(self, error):
        return error.args[0]

    def rows(self, sql, parameters=(), connection=None):
        with contextlib.closing((connection or self.connection).cursor()) as cursor:
            self.latest = self.latest if connection else cursor
            return [tuple(row) for row in cursor.execute(self.marked(sql), *parameters).fetchall()]

    # The driver prepares a statement, and keeps it while the same one is executed.

    def prepare(self):
        self.prepared_by = self.connection.cursor()

    def execute(self, number):
        return int(self.prepared_by.execute(self.twice, number).fetchone()[0])

    def stop(self, watcher):
        self.latest.cancel()

    def metadata(self):
        with contextlib.closing(self.connection.cursor()) as cursor:
            expect([row.table_name for row in cursor.tables(table=self.table)], [self.table])
            expect([row.column_name for row in cursor.columns(table=self.table)], ["id", "name", "content"])
        self.undo()


class OdbcOfSqlServer(Odbc, SqlServer):
    cancel = SqlServer.cancel

    def execute(self, number):
        return self.prepared_by.execute("select ?", number * 2).fetchone()[0]

    def impatient(self):
        connection = self.open()
        connection.timeout = 1
        return connection

    def is_time_out(self, error):
        return self.code(error) == "HYT00"
