"""What differs from database to database in the story's SQL."""

import contextlib
import sys

from story import Cannot, expect


class Postgres:
    text, bytes = "text", "bytea"
    content_mark = "%s"
    sleep = "select pg_sleep(600)"
    no_table, cancelled = "42P01", "57014"

    def running(self, connection):
        return f"select count(*) from pg_stat_activity where pid = {self.backend(connection)} and wait_event = 'PgSleep'"

    def prepare(self):
        self.run("prepare twice as select $1::int * 2")

    def execute(self, number):
        return self.rows("execute twice (%s)", (number,))[0][0]


class MySql:
    text, bytes = "longtext character set utf8mb4", "longblob"
    content_mark = "%s"
    no_table, cancelled = 1146, 1317

    @property
    def sleep(self):
        """Behind `select`, a sleep that is interrupted is no error to MySQL."""
        return f"select id from {self.table} where sleep(600)"

    def code(self, error):
        return error.args[0]

    def running(self, connection):
        self.thread = self.backend(connection)
        return f"select count(*) from information_schema.processlist where id = {self.thread} and info like 'select id%'"

    def backend(self, connection):
        return self.driver_connection(connection).thread_id()

    def stop(self, watcher):
        self.run(f"kill query {self.thread}", connection=watcher)

    def prepare(self):
        self.run("prepare twice from 'select ? * 2'")

    def execute(self, number):
        self.run("set @number = %s", (number,))
        return self.rows("execute twice using @number")[0][0]


class SqlServer:
    text, bytes = "nvarchar(max)", "varbinary(max)"
    content_mark = "%s"
    sleep = "waitfor delay '0:10:00'"
    no_table = 208

    def prepare(self):
        raise Cannot("the driver has no prepared statements")

    def cancel(self):
        """By the driver's time-out."""
        impatient = self.impatient()
        try:
            self.rows(self.sleep, connection=impatient)
            sys.exit("the query went on")
        except self.failures as error:
            expect(self.is_time_out(error), True)
        with contextlib.suppress(*self.failures):
            impatient.close()
        expect(self.rows("select 40 + 2"), [(42,)])
        self.undo()

    def impatient(self):
        return self.open(timeout=1)

    def metadata(self):
        columns = self.rows(f"exec sp_columns {self.table}")
        expect([column[3] for column in columns], ["id", "name", "content"])
        self.undo()
