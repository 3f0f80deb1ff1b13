"""An app on PyMySQL. It prints what it saw as JSON."""

import json
import os
import tempfile
import threading

import pymysql

SETTINGS = dict(
    host=os.environ["DB_HOST"],
    port=int(os.environ["DB_PORT"]),
    user=os.environ["DB_USER"],
    password=os.environ["DB_PASSWORD"],
    database=os.environ.get("DB_NAME"),
    local_infile=True,
)
seen = {}
connection = pymysql.connect(**SETTINGS)
cursor = connection.cursor()


def one(sql, *parameters):
    cursor.execute(sql, parameters)
    return cursor.fetchone()


seen["user"], seen["database"] = one("select current_user(), database()")
seen["parameters"] = one("select %s + %s, %s", 1, 2, "naïve")
seen["own_thread"] = one("select connection_id()")[0] == connection.thread_id()

# A query and a row of more than one packet.
long = "x" * (40 << 20)
seen["long_query"] = one("select length(%s)", long)[0]
seen["long_row"] = len(one("select repeat('y', %s)", 20 << 20)[0])

# A file whose packets look like COM_CHANGE_USER.
cursor.execute("create table file (content longblob)")
with tempfile.NamedTemporaryFile() as file:
    file.write(b"\x11" * (12 << 20))
    file.flush()
    load = "load data local infile %s into table file fields terminated by 'no' lines terminated by 'none'"
    cursor.execute(load, (file.name,))
seen["loaded"] = one("select length(content), count(*) from file")
connection.commit()

other = pymysql.connect(**SETTINGS)


def kill_when_it_runs():
    watcher = other.cursor()
    running = "select count(*) from information_schema.processlist where id = %s and info like 'select sleep%%'"
    while True:
        watcher.execute(running, (connection.thread_id(),))
        if watcher.fetchone()[0]:
            return watcher.execute(f"kill query {connection.thread_id()}")


killer = threading.Thread(target=kill_when_it_runs)
killer.start()
try:
    one("select sleep(600)")
except pymysql.Error as error:
    seen["killed"] = error.args[0]
killer.join()

try:
    one("select * from nowhere")
except pymysql.Error as error:
    seen["error"] = error.args[0]
print(json.dumps(seen))
