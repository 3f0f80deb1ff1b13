"""An app on Django's models, and the backend of the first argument. Connections last, one for each thread, and Django asks them whether they live."""

import contextlib
import sys

import django
from django.conf import settings
from story import DATABASE, HOST, MODE, PASSWORD, PORT, USER, Cannot, Story, expect

BACKEND = sys.argv[1]


class OnDjango(Story):
    """What goes over Django; its driver's class says the rest."""

    def version(self):
        return f"Django {django.__version__}, {super().version()}"

    def words(self, settings):
        return f"OPTIONS=dict({super().words(settings)})" if settings else ""

    def configure(self):
        default = dict(ENGINE=self.engine, HOST=HOST, PORT=str(PORT), USER=USER, PASSWORD=PASSWORD, NAME=DATABASE)
        default |= dict(OPTIONS=self.options(self.tls(MODE)), CONN_MAX_AGE=None, CONN_HEALTH_CHECKS=True)
        settings.configure(DATABASES=dict(default=default))
        django.setup()

    def options(self, tls):
        return tls

    @property
    def failures(self):
        return (django.db.Error,)

    def open(self):
        """This thread's, or one beside it."""
        from django.db import connections

        own = connections["default"]
        opened = own.copy() if self.connection else own
        opened.inc_thread_sharing()
        opened.ensure_connection()
        return opened

    def driver_connection(self, connection=None):
        return (connection or self.connection).connection

    def marked(self, sql):
        return sql

    def code(self, error):
        return super().code(error.__cause__)

    def connect(self):
        self.configure()
        super().connect()

    def create(self):
        from django.db import models

        class Thing(models.Model):
            id = models.IntegerField(primary_key=True)
            name = models.TextField(null=True)
            content = models.BinaryField(null=True)

            class Meta:
                app_label = "shop"
                db_table = self.table

        self.things = Thing
        with self.connection.schema_editor() as editor:
            editor.create_model(Thing)

    def drop(self):
        with self.connection.schema_editor() as editor:
            editor.delete_model(self.things)

    # Django commits each statement by itself, and a transaction is a context.

    def commit(self):
        pass

    def undo(self, connection=None):
        pass

    def insert(self, number, name, content=None):
        self.things.objects.create(id=number, name=name, content=content)

    def read(self, number):
        thing = self.things.objects.get(id=number)
        return thing.name, thing.content if thing.content is None else bytes(thing.content)

    def count(self):
        return self.things.objects.count()

    def rollback(self):
        from django.db import transaction

        before = self.count()
        with contextlib.suppress(LookupError), transaction.atomic():
            self.insert(2, "lost")
            raise LookupError("changed its mind")
        expect(self.count(), before)
        with transaction.atomic():
            self.insert(2, "kept")
        expect(self.read(2), ("kept", None))

    def insert_all(self, things):
        self.things.objects.bulk_create([self.things(id=number, name=name) for number, name in things])

    def make_pool(self):
        pass

    def use_pool(self):
        """What Django does before and after a request."""
        from django.db import close_old_connections, connection

        close_old_connections()
        with connection.cursor() as cursor:
            cursor.execute("select 40 + 2")
            return [tuple(row) for row in cursor.fetchall()]

    def metadata(self):
        found = self.connection.introspection
        with self.connection.cursor() as cursor:
            expect(self.table in found.table_names(cursor), True)
            expect([column.name for column in found.get_table_description(cursor, self.table)], ["id", "name", "content"])

    def reconnect(self):
        self.use_pool()
        self.read(6)


def on(backend):
    match backend:
        case "postgresql":
            from dialects import Postgres
            from with_psycopg3 import Psycopg3

            class OnPsycopg(OnDjango, Psycopg3):
                engine = "django.db.backends.postgresql"
                prepare, execute = Postgres.prepare, Postgres.execute
                reconnect, drop = OnDjango.reconnect, OnDjango.drop

            return OnPsycopg()
        case "mysql":
            from with_mysqlclient import MySqlClient

            class OnMySqlClient(OnDjango, MySqlClient):
                engine = "django.db.backends.mysql"

            return OnMySqlClient()
        case "mssql":
            from dialects import SqlServer
            from with_mssql_python import MsSqlPython

            class OnMsSqlPython(OnDjango, MsSqlPython):
                engine = "mssql"
                # Django's own asks views of `sys`, and drops tables in a loop; the emulated server has neither.
                metadata = SqlServer.metadata
                drop = Story.drop

                def prepare(self):
                    raise Cannot("Django keeps none")

                def impatient(self):
                    opened = self.connection.copy()
                    opened.settings_dict["OPTIONS"]["query_timeout"] = 1
                    return opened

                def options(self, tls):
                    extra = ";".join(f"{name}={value}" for name, value in tls.items())
                    return dict(python_driver="mssql_python", extra_params=extra)

                def words(self, settings):
                    words = MsSqlPython.words(self, settings)
                    return f"extra_params={words}" if words else ""

            return OnMsSqlPython()


if __name__ == "__main__":
    on(BACKEND).tell()
