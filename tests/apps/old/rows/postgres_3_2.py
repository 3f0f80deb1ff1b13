"""Protocol 3.2, PostgreSQL 18's, asked for of servers of any age, by the libpq of psycopg."""

import psycopg

from row import Refused, Row, given, same

WAYS = {
    "default": {},
    "off": {"sslmode": "disable"},
    "asks": {"sslmode": "require"},
    "trusting": {"sslmode": "require"},
    "verified": {"sslmode": "verify-full", "sslrootcert": given("CA") if given("TLS") == "verified" else ""},
}


class Session:
    def __init__(self):
        place = {"host": given("HOST"), "port": given("PORT"), "user": given("USER"), "password": given("PASSWORD"), "dbname": given("NAME")}
        try:
            self.psycopg = psycopg.connect(**place, **WAYS[given("TLS")], max_protocol_version="3.2", autocommit=True)
        except psycopg.OperationalError as error:
            raise Refused("", str(error)) from error
        is_new = self.psycopg.info.server_version >= 180_000
        same(30002 if is_new else 30000, self.psycopg.info.full_protocol_version)

    def query(self, sql, values=None):
        try:
            cursor = self.psycopg.execute(sql, values)
        except psycopg.Error as error:
            raise Refused(error.sqlstate, str(error)) from error
        rows = cursor.fetchall() if cursor.description else []
        return [[None if value is None else str(value) for value in row] for row in rows]


class Newer(Row):
    driver = f"protocol 3.2, libpq {psycopg.pq.version() // 10_000}.{psycopg.pq.version() % 10_000}"
    setting = " ".join(["max_protocol_version=3.2", *(f"{name}={value}" for name, value in WAYS[given("TLS")].items())])

    def connect(self):
        return Session()

    def parameters(self):
        same([["a name"]], self.database.query("select %s::text", ["a name"]))

    def prepared(self):
        for number in range(101, 121):
            sql = f"insert into {self.table} (id, name) values (%s, %s)"
            self.database.psycopg.execute(sql, [number, f"number {number}"], prepare=True)
        same([["20"]], self.query(f"select count(*) from {self.table} where id > 100"))

    def cancel(self):
        """Its keys for this are longer than those of 3.0."""
        other = self.connect()
        pid = self.database.psycopg.info.backend_pid
        self.database.psycopg.pgconn.send_query(b"select pg_sleep(600)")
        while other.query(f"select count(*) from pg_stat_activity where pid = {pid} and query like 'select pg_sleep%' and state = 'active'") == [["0"]]:
            pass
        self.database.psycopg.cancel_safe()
        results = self.database.psycopg.pgconn.get_result()
        same(b"57014", results.error_field(psycopg.pq.DiagnosticField.SQLSTATE))
        same(None, self.database.psycopg.pgconn.get_result())


Newer().tell()
