"""An app that connects for each request, as often as its second argument says, on the driver of the first. It prints what each saw."""

import importlib
import json
import os
import sys

driver, times = sys.argv[1], int(sys.argv[2])
SETTINGS = {
    "psycopg2": lambda: {},
    "pymssql": lambda: dict(
        server=os.environ["TDS_HOST"],
        port=os.environ["TDS_PORT"],
        user=os.environ["TDS_USER"],
        password=os.environ["TDS_PASSWORD"],
        database="shop",
        encryption="off",
    ),
}
REQUEST = {
    "psycopg2": "select coalesce(to_regclass('pg_temp.mine')::text, 'nothing'), current_setting('statement_timeout')",
    "pymssql": "select isnull(object_id('tempdb..#mine'), 0), @@trancount",
}
LEAVES = {
    "psycopg2": "create temp table mine (x int); set statement_timeout = '7s'",
    "pymssql": "create table #mine (x int)",
}
module, settings = importlib.import_module(driver), SETTINGS[driver]()
seen = set()
for _ in range(times):
    connection = module.connect(**settings) if settings else module.connect("")
    if driver == "psycopg2":
        connection.autocommit = True
    else:
        connection.autocommit(True)
    cursor = connection.cursor()
    cursor.execute(REQUEST[driver])
    seen.add(cursor.fetchone())
    cursor.execute(LEAVES[driver])
    connection.close()
print(json.dumps(sorted(seen)))
