"""An app on pymssql that connects anew for each visit. A visit is an argument: statements, one a line. It prints a line of JSON for each: the
rows of the last statement, or how many it has read of them where that is half of it (`half: ...`). With a number in front (`500 x ...`) it
comes so many times, and prints the rows that it saw, each once."""

import json
import os
import re
import sys

import pymssql

settings = dict(
    server=os.environ["TDS_HOST"],
    port=os.environ["TDS_PORT"],
    user=os.environ["TDS_USER"],
    password=os.environ["TDS_PASSWORD"],
    database=os.environ.get("TDS_DATABASE", "shop"),
    appname=os.environ.get("TDS_APP", "visits"),
    encryption="require" if os.environ["TDS_ENCRYPT"] == "on" else "off",
    login_timeout=20,
    autocommit=True,
)


def visit(statements):
    connection = pymssql.connect(**settings)
    cursor = connection.cursor()
    try:
        for statement in statements.split("\n"):
            half = statement.startswith("half: ")
            cursor.execute(statement.removeprefix("half: "))
        if half:
            return [cursor.fetchone() is not None]
        return cursor.fetchall() if cursor.description else []
    except pymssql.Error as error:
        return str(error)
    finally:
        # Without the cursor, which would read to the end, or say "stop".
        connection.close()


for argument in sys.argv[1:]:
    times, statements = re.fullmatch(r"(?:(\d+) x )?(.*)", argument, re.DOTALL).groups()
    seen = []
    for _ in range(int(times or 1)):
        rows = visit(statements)
        if rows not in seen:
            seen.append(rows)
    print(json.dumps(seen), flush=True)
