"""An app on psycopg 2. Its settings come from libpq's variables; it prints what it saw as JSON."""

import io
import json
import select
import threading

import psycopg2
import psycopg2.extensions

seen = {}
connection = psycopg2.connect("")
connection.autocommit = True
cursor = connection.cursor()

cursor.execute("select current_user, current_database()")
seen["role"], seen["database"] = cursor.fetchone()
cursor.execute("select %s + %s, %s", (1, 2, "naïve"))
seen["parameters"] = cursor.fetchone()

cursor.execute("create temp table items (id int, name text)")
rows = "".join(f"{number}\tname {number}\n" for number in range(10_000))
cursor.copy_expert("copy items from stdin", io.StringIO(rows))
copied = io.StringIO()
cursor.copy_expert("copy (select * from items order by id) to stdout", copied)
seen["copied"] = copied.getvalue() == rows

connection.autocommit = False
content = bytes(range(256)) * 2000
large = connection.lobject(0, "wb")
large.write(content)
large.close()
seen["large_object"] = connection.lobject(large.oid, "rb").read() == content
connection.commit()
connection.autocommit = True

cursor.execute("listen news")
other = psycopg2.connect("")
other.autocommit = True
watcher = other.cursor()
watcher.execute("notify news, 'hello'")
while not connection.notifies:
    select.select([connection], [], [], 60)
    connection.poll()
seen["notified"] = connection.notifies[0].payload


def cancel_when_it_runs():
    running = "select count(*) from pg_stat_activity where pid = %s and state = 'active'"
    while True:
        watcher.execute(running, (connection.info.backend_pid,))
        if watcher.fetchone()[0]:
            return connection.cancel()


canceller = threading.Thread(target=cancel_when_it_runs)
canceller.start()
try:
    cursor.execute("select pg_sleep(600)")
except psycopg2.Error as error:
    seen["cancelled"] = error.pgcode
canceller.join()

try:
    cursor.execute("select 1 / 0")
except psycopg2.Error as error:
    seen["error"] = [error.pgcode, error.diag.message_primary]
print(json.dumps(seen))
