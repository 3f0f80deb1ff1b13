"""An app that leaves a connection idle behind each kind of statement, and goes when its standard input ends. Argument: pymysql,
mysqlclient, pure or c (MySQL Connector/Python in its two flavours)."""

import os
import sys
import tempfile

driver = sys.argv[1]
settings = dict(
    host=os.environ["DB_HOST"],
    port=int(os.environ["DB_PORT"]),
    user=os.environ["DB_USER"],
    password=os.environ["DB_PASSWORD"],
    autocommit=True,
)
if driver == "pymysql":
    import pymysql as library
    from pymysql.constants import CLIENT

    settings.update(local_infile=True, client_flag=CLIENT.MULTI_STATEMENTS)
elif driver == "mysqlclient":
    import MySQLdb as library
    import MySQLdb.cursors

    settings.update(local_infile=1)
else:
    import mysql.connector as library

    settings.update(allow_local_infile=True, use_pure=driver == "pure")


def run(connection, sql, parameters=None, **options):
    cursor = connection.cursor(**options)
    cursor.execute(sql, parameters)
    while True:
        if cursor.description:
            cursor.fetchall()
        if not hasattr(cursor, "nextset") or not cursor.nextset():
            break
    cursor.close()


def fails(connection, sql):
    try:
        run(connection, sql)
    # Each driver has some that are not of its own.
    except Exception:
        return
    sys.exit(f"no error: {sql}")


def loads(connection, content):
    with tempfile.NamedTemporaryFile() as file:
        file.write(content)
        file.flush()
        run(connection, f"load data local infile '{file.name}' into table notes")


def calls(connection):
    cursor = connection.cursor()
    cursor.callproc("two_sets", (1, 0))
    if hasattr(cursor, "nextset"):
        while cursor.nextset():
            pass
    cursor.close()


def in_a_transaction(connection):
    run(connection, "start transaction")
    run(connection, "insert into notes values ('in a transaction')")
    connection.commit()


behind = {
    "rows": lambda it: run(it, "select 1, 'one' union all select 2, null"),
    "no rows": lambda it: run(it, "select 1 from dual where false"),
    "many rows": lambda it: run(it, "select seq, repeat('r', 100) from seq_1_to_20000"),
    "no result": lambda it: run(it, "insert into notes values ('a'), ('b')"),
    "a row of several packets": lambda it: run(it, "select repeat('y', 17 << 20)"),
    "a query of several packets": lambda it: run(it, "select length(%s)", ("x" * (17 << 20),)),
    "an error": lambda it: fails(it, "select * from nowhere"),
    "an error behind a row": lambda it: fails(it, "select (select 1 union all select seq from dual where seq > 1) from seq_1_to_3"),
    "several statements": lambda it: run(it, "select 1; set @a = 1; select 2 from dual where false; do 1; select 3"),
    "an error behind a result": lambda it: fails(it, "select 1; select * from nowhere; select 2"),
    "a procedure": calls,
    "a file": lambda it: loads(it, b"one\ntwo\n"),
    "an empty file": lambda it: loads(it, b""),
    "a long file": lambda it: loads(it, (b"x" * 60_000 + b"\n") * 100),
    "a transaction": in_a_transaction,
    "a rollback": lambda it: (run(it, "start transaction"), it.rollback()),
    "another table": lambda it: run(it, "create or replace table others as select seq from seq_1_to_5000"),
    "another database": lambda it: run(it, "use information_schema"),
}
if driver != "pure":
    # That one raises its error and leaves its server waiting for the file.
    behind["a file that is not there"] = lambda it: fails(it, "load data local infile '/no/such/file' into table notes")
if driver == "pymysql":
    behind["a ping"] = lambda it: it.ping(reconnect=False)
    behind["COM_INIT_DB"] = lambda it: it.select_db("information_schema")
    behind["rows as they come"] = lambda it: run(it, "select seq from seq_1_to_5000", cursor=library.cursors.SSCursor)
if driver == "mysqlclient":
    behind["a ping"] = lambda it: it.ping()
    behind["COM_INIT_DB"] = lambda it: it.select_db("information_schema")
    behind["COM_STATISTICS"] = lambda it: it.stat()
    behind["COM_CHANGE_USER"] = lambda it: it.change_user("somebody", "", os.environ["DB_NAME"])
    behind["COM_SET_OPTION"] = lambda it: it.set_server_option(0)
    behind["rows as they come"] = lambda it: run(
        it, "select seq from seq_1_to_5000", cursorclass=MySQLdb.cursors.SSCursor
    )
if driver in ("pure", "c"):
    behind["a ping"] = lambda it: it.ping(reconnect=False)
    behind["COM_INIT_DB"] = lambda it: it.cmd_init_db("information_schema")
    behind["COM_STATISTICS"] = lambda it: it.cmd_statistics()
    behind["COM_CHANGE_USER"] = lambda it: it.cmd_change_user("somebody", "", os.environ["DB_NAME"])
    behind["COM_RESET_CONNECTION"] = lambda it: it.cmd_reset_connection()
    behind["a prepared statement"] = lambda it: run(it, "select %s, seq from seq_1_to_3", (7,), prepared=True)
    behind["long data"] = lambda it: run(it, "select length(%s)", (b"x" * 100_000,), prepared=True)
    behind["a statement that cannot be prepared"] = lambda it: prepared_fails(it)


def prepared_fails(connection):
    cursor = connection.cursor(prepared=True)
    try:
        cursor.execute("select %s from nowhere", (1,))
    except library.Error:
        return
    sys.exit("no error")


first = library.connect(**settings)
for statement in (
    "create or replace table notes (note text)",
    "create or replace procedure two_sets(in a int, out b int) begin select a; select 2, 3; set b = 4; end",
):
    run(first, statement)
first.close()
connections = []
for name, statement in behind.items():
    connection = library.connect(**settings)
    print("behind", name, flush=True)
    statement(connection)
    connections.append(connection)
print(f"{len(connections)} at rest", flush=True)
sys.stdin.read()
os._exit(0)
