"""An app on pymssql with one connection, which asks what its standard input says: a number and a statement in each line, asked for so many times.
It prints the line when it has been answered."""

import os
import sys

import pymssql

connection = pymssql.connect(
    server=os.environ["TDS_HOST"],
    port=os.environ["TDS_PORT"],
    user=os.environ["TDS_USER"],
    password=os.environ["TDS_PASSWORD"],
    database="shop",
    encryption="off",
    autocommit=True,
)
cursor = connection.cursor()
for line in sys.stdin:
    times, statement = line.strip().split(" ", 1)
    for _ in range(int(times)):
        cursor.execute(statement)
        cursor.fetchall()
    print(line, end="", flush=True)
