"""An app of MySQL on the driver of its first argument. It prints what its session shows, as JSON, and then says its other
arguments, whose traces it leaves behind: `change_user DATABASE` and `half a result` are none of SQL."""

import json
import os
import sys

LOOKS = {
    "id": "select connection_id()",
    "names": "select current_role(), database(), current_user(), charset('a'), collation('a'), last_insert_id(), @@identity, row_count()",
    "settings": "select variable_name, variable_value from performance_schema.session_variables where variable_name not in"
    " ('gtid_executed', 'pseudo_thread_id', 'timestamp', 'rand_seed1', 'rand_seed2', 'statement_id') order by 1",
    "variables": "select variable_name from performance_schema.user_variables_by_thread join performance_schema.threads"
    " using (thread_id) where processlist_id = connection_id()",
    "attributes": "select attr_name, attr_value from performance_schema.session_account_connect_attrs"
    " where processlist_id = connection_id() and attr_name not in ('_pid', '_thread') order by 1",
    "history": "select count(*) from performance_schema.events_statements_history join performance_schema.threads using (thread_id)"
    " where processlist_id = connection_id() and sql_text like '%left behind%' and sql_text not like '%processlist_id%'",
    "prepared": "select count(*) from performance_schema.prepared_statements_instances join performance_schema.threads"
    " on owner_thread_id = threads.thread_id where processlist_id = connection_id()",
    "transactions": "select count(*) from information_schema.innodb_trx where trx_mysql_thread_id = connection_id()",
    "locks": "select count(*) from performance_schema.metadata_locks join performance_schema.threads on owner_thread_id = thread_id"
    " where processlist_id = connection_id() and (object_schema = database() or lock_duration = 'EXPLICIT')",
    "my lock": "select is_used_lock(database())",
    "traces": "select count(*) from information_schema.optimizer_trace",
    "profiles": "show profiles",
    "xa": "xa recover",
}
# What is there when the session has made it.
THINGS = ["select * from mine", "execute mine", "handler mine read first"]

driver = sys.argv[1]
settings = dict(
    host=os.environ["DB_HOST"],
    port=int(os.environ["DB_PORT"]),
    user=os.environ["DB_USER"],
    password=os.environ["DB_PASSWORD"],
    database=os.environ["DB_DATABASE"],
)
if driver == "pymysql":
    import pymysql as module
elif driver == "mysqlclient":
    import MySQLdb as module
else:
    import mysql.connector as module

    settings["use_pure"] = driver == "connector_pure"
connection = module.connect(**settings)
cursor = connection.cursor()


def ask(statement):
    cursor.execute(statement)
    return [[value if value is None else str(value) for value in row] for row in cursor.fetchall()]


def try_it(statement):
    try:
        return ask(statement)
    except module.Error as error:
        return error.args[0]


saw = {name: ask(look) for name, look in LOOKS.items()}
saw.update({thing: try_it(thing) for thing in THINGS})
print(json.dumps(saw))
for statement in sys.argv[2:]:
    if statement.startswith("change_user "):
        user = settings["user"], settings["password"], statement.split()[1]
        (connection.change_user if driver == "mysqlclient" else connection.cmd_change_user)(*user)
        cursor = connection.cursor()
    elif statement == "half a result":
        connection._execute_command(3, "select * from information_schema.collations a, information_schema.collations b")
        connection._write_bytes(b"\x01\x00\x00\x00\x01")
        connection._force_close()
        sys.exit()
    else:
        cursor.execute(statement)
        if cursor.description:
            cursor.fetchall()
connection.close()
