"""An app on mysqlclient, which is libmariadb or libmysqlclient. It prints what it saw as JSON."""

import json
import os

import MySQLdb

seen = {}
connection = MySQLdb.connect(
    host=os.environ["DB_HOST"],
    port=int(os.environ["DB_PORT"]),
    user=os.environ["DB_USER"],
    passwd=os.environ["DB_PASSWORD"],
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
print(json.dumps(seen))
