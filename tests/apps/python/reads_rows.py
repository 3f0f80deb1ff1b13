"""An app on PyMySQL that reads rows as they come, until they end or an error does. Argument: the query."""

import os
import sys

import pymysql
from pymysql.cursors import SSCursor

connection = pymysql.connect(
    host=os.environ["DB_HOST"],
    port=int(os.environ["DB_PORT"]),
    user=os.environ["DB_USER"],
    password=os.environ["DB_PASSWORD"],
    cursorclass=SSCursor,
)
try:
    cursor = connection.cursor()
    cursor.execute(sys.argv[1])
    while cursor.fetchone():
        print("a row", flush=True)
except pymysql.Error as error:
    print(f"{error.args[0]}: {error.args[1]}")
sys.stdout.flush()
os._exit(0)
