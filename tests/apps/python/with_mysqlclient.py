"""An app on mysqlclient, which is libmariadb or libmysqlclient. It prints what it saw as JSON."""

import hashlib
import json
import os
import tempfile

import MySQLdb

seen = {}
compression = os.environ.get("DB_COMPRESSION")
connection = MySQLdb.connect(
    host=os.environ["DB_HOST"],
    port=int(os.environ["DB_PORT"]),
    user=os.environ["DB_USER"],
    passwd=os.environ["DB_PASSWORD"],
    **(dict(compress=True, local_infile=1) if compression else {}),
)


def one(sql, parameters=()):
    cursor = connection.cursor()
    cursor.execute(sql, parameters)
    return cursor.fetchone()


seen["user"], seen["database"] = one("select current_user(), database()")
seen["parameters"] = one("select %s + %s, %s", (1, 2, "naïve"))
connection.cursor().execute("set @mine = 1")
connection.change_user("somebody else", "another password", seen["database"])
seen["changed"] = one("select connection_id(), @mine") == (connection.thread_id(), None)
seen["database_again"] = one("select database()")[0]

# More than a packet or an envelope can hold, both ways, and a file.
if compression:
    seen["sent"] = one("select length(%s)", (hashlib.md5(b"long").hexdigest() * (20 << 15),))[0]
    seen["received"] = len(one("select repeat('y', 20 << 20)")[0])
    connection.cursor().execute("create table file (content longblob)")
    with tempfile.NamedTemporaryFile() as file:
        file.write(b"\x11" * (12 << 20))
        file.flush()
        connection.cursor().execute(
            "load data local infile %s into table file fields terminated by 'no' lines terminated by 'none'", (file.name,)
        )
    seen["loaded"] = one("select length(content) from file")[0]
    try:
        one("select * from nowhere")
    except MySQLdb.Error as error:
        seen["error"] = error.args[0]
print(json.dumps(seen))
