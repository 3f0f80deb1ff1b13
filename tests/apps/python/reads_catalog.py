"""Asks an ODBC driver for the catalog, as tools do, over FreeTDS or Microsoft's driver; it prints what it saw as JSON."""

import json
import os
import sys

host, port = os.environ["TDS_HOST"], os.environ["TDS_PORT"]
if sys.argv[1] == "freetds":
    import pyodbc as odbc

    odbc.pooling = False
    version = os.environ.get("TDS_VERSION", "7.4")
    text = f"Driver={os.environ['TDS_DRIVER']};Server={host};Port={port};TDS_Version={version};Encryption=off;"
else:
    import mssql_python as odbc

    text = f"Server={host},{port};Encrypt=no;"
text += f"UID={os.environ['TDS_USER']};PWD={os.environ['TDS_PASSWORD']};Database=shop;"

seen = {}
connection = odbc.connect(text)


def ask(name, method, *columns, **arguments):
    cursor = connection.cursor()
    try:
        rows = getattr(cursor, method)(**arguments)
        rows = cursor.fetchall() if rows is None or not hasattr(rows, "fetchall") else rows.fetchall()
        seen[name] = [[str(getattr(row, column)) for column in columns] for row in rows]
    except odbc.Error as error:
        seen[name] = str(error)


ask("tables", "tables", "table_name", "table_type", schema="dbo")
ask("columns", "columns", "column_name", "type_name", "column_size", table="products")
ask("keys", "primaryKeys", "column_name", table="orders")
ask("foreign", "foreignKeys", "fkcolumn_name", "pktable_name", foreignTable="orders")
ask("statistics", "statistics", "column_name", "non_unique", table="customers", unique=True)
ask("types", "getTypeInfo", "type_name")
ask("procedures", "procedures", "procedure_name")
connection.close()
print(json.dumps(seen))
