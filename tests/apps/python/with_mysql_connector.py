"""An app on MySQL Connector/Python. Arguments: pure or c, and a plugin to begin with. It prints what it saw as JSON."""

import hashlib
import json
import os
import sys
import tempfile

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
compression = os.environ.get("DB_COMPRESSION")
if compression:
    settings.update(compress=True, allow_local_infile=True)
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
# The pure flavour changes no user while it compresses.
changes = not compression or flavour == "c"
if changes:
    connection.cmd_change_user("somebody else", "another password", seen["database"])
    seen["changed"] = forgotten()
remember()
connection.cmd_reset_connection()
seen["reset"] = forgotten()
if changes:
    connection.cmd_change_user("a third", os.environ.get("DB_THIRD_PASSWORD", ""), seen["database"])
    seen["database_again"] = one("select database()")[0]

# More than a packet or an envelope can hold, both ways, and a file.
if compression:
    seen["sent"] = one("select length(%s)", (hashlib.md5(b"long").hexdigest() * (20 << 15),))[0]
    seen["received"] = len(one("select repeat('y', 20 << 20)")[0])
    with connection.cursor() as cursor, tempfile.NamedTemporaryFile() as file:
        file.write(b"\x11" * (12 << 20))
        file.flush()
        cursor.execute("create table file (content longblob)")
        cursor.execute(
            f"load data local infile '{file.name}' into table file fields terminated by 'no' lines terminated by 'none'"
        )
    seen["loaded"] = one("select length(content) from file")[0]
    try:
        one("select * from nowhere")
    except mysql.connector.Error as error:
        seen["error"] = error.errno
print(json.dumps(seen))
