"""An app on SQLAlchemy, its pool asking each connection whether it lives. The driver below is the first argument."""

import sys

import sqlalchemy as sa
from sqlalchemy.dialects import mysql
from story import MODE, Story, expect

DRIVER = sys.argv[1]
WORDS = sa.UnicodeText().with_variant(mysql.LONGTEXT(charset="utf8mb4"), "mysql")
DATA = sa.LargeBinary().with_variant(mysql.LONGBLOB(), "mysql")


class SqlAlchemy(Story):
    """What goes over SQLAlchemy; its driver's class says the rest."""

    failures = (sa.exc.SQLAlchemyError,)
    connections = None

    def version(self):
        return f"SQLAlchemy {sa.__version__}, {super().version()}"

    def words(self, settings):
        words = super().words(settings)
        return f"connect_args=dict({words})" if settings and not words.startswith("freetds.conf") else words

    def engine(self, **more):
        settings = self.settings() | more
        place = {name: settings.pop(name, None) for name in ("host", "port", "user", "password")}
        place["host"] = place["host"] or settings.pop("server")
        database = settings.pop("database", None) or settings.pop("dbname")
        place["username"] = place.pop("user")
        url = sa.URL.create(self.url, database=database, **place)
        return sa.create_engine(url, connect_args=settings, pool_size=10, max_overflow=0, pool_pre_ping=True)

    def open(self, **more):
        return self.engine(**more).connect()

    def driver_connection(self, connection=None):
        return (connection or self.connection).connection.driver_connection

    def rows(self, sql, parameters=(), connection=None):
        pieces = sql.split("%s")
        named = pieces[0] + "".join(f":p{number}{piece}" for number, piece in enumerate(pieces[1:]))
        bound = {f"p{number}": value for number, value in enumerate(parameters)}
        result = (connection or self.connection).execute(sa.text(named), bound)
        return [tuple(row) for row in result] if result.returns_rows else []

    run = rows

    def code(self, error):
        return super().code(error.orig)

    def create(self):
        columns = [sa.Column("id", sa.Integer, primary_key=True, autoincrement=False)]
        columns += [sa.Column("name", WORDS), sa.Column("content", DATA)]
        self.things = sa.Table(self.table, sa.MetaData(), *columns)
        self.things.create(self.connection)
        self.commit()

    def drop(self):
        self.things.drop(self.connection)
        self.commit()

    def insert(self, number, name, content=None):
        self.connection.execute(self.things.insert().values(id=number, name=name, content=content))

    def read(self, number):
        things = self.things.c
        row = self.connection.execute(sa.select(things.name, things.content).where(things.id == number)).one()
        return tuple(row)

    def count(self):
        return self.connection.scalar(sa.select(sa.func.count()).select_from(self.things))

    def insert_all(self, things):
        self.connection.execute(self.things.insert(), [dict(id=number, name=name) for number, name in things])

    def make_pool(self):
        self.connections = self.engine()

    def borrowed(self):
        return self.connections.connect()

    def metadata(self):
        inspected = sa.inspect(self.connection)
        expect(inspected.has_table(self.table), True)
        expect([column["name"] for column in inspected.get_columns(self.table)], ["id", "name", "content"])
        self.undo()


def on(driver):
    match driver:
        case "psycopg":
            from with_psycopg3 import Psycopg3

            class OnPsycopg(SqlAlchemy, Psycopg3):
                url = "postgresql+psycopg"

                def execute(self, number):
                    """psycopg prepares by itself what it is asked for often."""
                    return self.rows("select cast(%s as int) * 2", (number,))[0][0]

                reconnect = Story.reconnect

            return OnPsycopg()
        case "pymysql":
            from with_pymysql import PyMySql

            class OnPyMySql(SqlAlchemy, PyMySql):
                url = "mysql+pymysql"

            return OnPyMySql()
        case "pymssql":
            from with_pymssql import PyMsSql

            class OnPyMsSql(SqlAlchemy, PyMsSql):
                url = "mssql+pymssql"
                failures = SqlAlchemy.failures + PyMsSql.failures
                # `inspect` asks the views of `sys`, which the emulated server has none of.
                metadata = PyMsSql.metadata

            return OnPyMsSql()


on(DRIVER).tell()
