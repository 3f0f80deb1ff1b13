"""An app on psycopg 3. Its settings come from libpq's variables; it prints what it saw as JSON."""

import json
import sys
import threading

import psycopg

# More settings may be given as a connection string, for example "sslmode=require sslnegotiation=direct".
settings = " ".join(sys.argv[1:])
seen = {"libpq": psycopg.pq.version()}
connection = psycopg.connect(settings, autocommit=True)

row = connection.execute("select current_user, current_database()").fetchone()
seen["role"], seen["database"] = row
ssl = connection.pgconn
seen["tls"] = ssl.ssl_in_use
seen["parameters"] = connection.execute("select %s::int + %s::int", (1, 2)).fetchone()[0]
for number in range(10):
    prepared = connection.execute("select %s::int * 2", (number,), prepare=True)
    assert prepared.fetchone() == (number * 2,)
seen["binary"] = connection.execute("select %b::int8", (2**40,), binary=True).fetchone()[0]

with connection.pipeline():
    cursors = [connection.execute("select %s::int", (number,)) for number in range(500)]
seen["pipeline"] = sum(cursor.fetchone()[0] for cursor in cursors)

connection.execute("create temp table items (id int, name text)")
with connection.cursor().copy("copy items from stdin (format binary)") as copy:
    copy.set_types(["int4", "text"])
    for number in range(10_000):
        copy.write_row((number, f"name {number}"))
with connection.cursor().copy("copy (select id from items order by id) to stdout") as copy:
    seen["copied"] = [int(row[0]) for row in copy.rows()] == list(range(10_000))

with connection.transaction(), connection.cursor(name="stepwise") as cursor:
    cursor.itersize = 100
    cursor.execute("select id from items order by id")
    seen["server_side_cursor"] = sum(1 for _ in cursor)

connection.execute("listen news")
other = psycopg.connect(settings, autocommit=True)
other.execute("notify news, 'hello'")
seen["notified"] = next(connection.notifies(timeout=60)).payload


def cancel_when_it_runs():
    running = "select count(*) from pg_stat_activity where pid = %s and state = 'active'"
    while not other.execute(running, (connection.info.backend_pid,)).fetchone()[0]:
        pass
    try:
        connection.cancel_safe(timeout=60)
        seen["cancel"] = "sent"
    except psycopg.Error as error:
        seen["cancel"] = str(error)


canceller = threading.Thread(target=cancel_when_it_runs)
canceller.start()
try:
    connection.execute("select pg_sleep(600)")
except psycopg.Error as error:
    seen["cancelled"] = error.sqlstate
canceller.join()

try:
    connection.execute("select 1 / 0")
except psycopg.Error as error:
    seen["error"] = [error.sqlstate, error.diag.message_primary]
print(json.dumps(seen))
