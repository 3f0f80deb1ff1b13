"""An app on MySQL Connector/Python. Arguments: pure or c, and a plugin to begin with. It prints what it saw as JSON."""

import json
import os
import sys

import mysql.connector

flavour, *plugin = sys.argv[1:]
settings = dict(
    host=os.environ["DB_HOST"],
    port=int(os.environ["DB_PORT"]),
    user=os.environ["DB_USER"],
    password=os.environ["DB_PASSWORD"],
    use_pure=flavour == "pure",
)
if plugin:
    settings["auth_plugin"] = plugin[0]
seen = {}
connection = mysql.connector.connect(**settings)


def one(sql, parameters=()):
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        return cursor.fetchone()


def forgotten():
    thread, value = one("select connection_id(), @mine")
    return thread == connection.connection_id and value is None


def remember():
    with connection.cursor() as cursor:
        cursor.execute("set @mine = 1")


seen["user"], seen["database"] = one("select current_user(), database()")
with connection.cursor(prepared=True) as cursor:
    cursor.execute("select %s + %s, %s", (1, 2, "naïve"))
    seen["prepared"] = [str(value) for value in cursor.fetchone()]
remember()
connection.cmd_change_user("somebody else", "another password", seen["database"])
seen["changed"] = forgotten()
remember()
connection.cmd_reset_connection()
seen["reset"] = forgotten()
connection.cmd_change_user("a third", "", seen["database"])
seen["database_again"] = one("select database()")[0]
print(json.dumps(seen))
