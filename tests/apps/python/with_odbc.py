"""An app on ODBC: pyodbc over FreeTDS, or Microsoft's driver by its own Python package. Settings come from TDS_ variables."""

import json
import os
import sys

import every_type

if sys.argv[1] == "freetds":
    import pyodbc as odbc

    odbc.pooling = False
    encryption = {"off": "off", "on": "require"}[os.environ["TDS_ENCRYPT"]]
    version = os.environ.get("TDS_VERSION", "7.4")
    text = (
        f"Driver={os.environ['TDS_DRIVER']};Server={os.environ['TDS_HOST']};Port={os.environ['TDS_PORT']};TDS_Version={version};"
        f"Encryption={encryption};"
    )
else:
    import mssql_python as odbc

    encryption = {"off": "no", "on": "yes", "strict": "strict"}[os.environ["TDS_ENCRYPT"]]
    text = f"Server={os.environ['TDS_HOST']},{os.environ['TDS_PORT']};Encrypt={encryption};"
    # Strict encryption always looks at the certificate; OpenSSL reads SSL_CERT_FILE.
    text += "" if encryption == "strict" else "TrustServerCertificate=yes;"
text += f"UID={os.environ['TDS_USER']};PWD={os.environ['TDS_PASSWORD']};Database=shop;"

seen = {}
try:
    connection = odbc.connect(text)
except odbc.Error as error:
    print(json.dumps({"refused": str(error)}))
    raise SystemExit from None

cursor = connection.cursor()
cursor.execute("select top 2 name, price, organic from products where id > ? order by id", 1)
seen["rows"] = [[name, str(price), bool(organic)] for name, price, organic in cursor.fetchall()]
cursor.execute("select ? + N'é', null", "naïve")
seen["parameters"] = list(cursor.fetchone())
cursor.execute("create table #t (id int identity(1,1) primary key, name nvarchar(max), at datetime2)")
cursor.executemany("insert into #t (name, at) values (?, ?)", [(f"name {n}", "2026-01-02 03:04:05") for n in range(20)])
connection.commit()
cursor.execute("insert into #t (name) values ('lost')")
connection.rollback()
cursor.execute("select count(*), max(id) from #t")
seen["kept"] = list(cursor.fetchone())
cursor.execute("select 1; select 2")
seen["sets"] = [cursor.fetchall()[0][0]]
cursor.nextset()
seen["sets"].append(cursor.fetchall()[0][0])
if "TDS_COLUMNS" in os.environ:
    seen["every"], seen["together"] = every_type.columns(cursor, connection.rollback)
seen["large"] = every_type.large(cursor, "?")
try:
    cursor.execute("select * from nowhere")
except odbc.Error as error:
    seen["error"] = str(error)
connection.close()
print(json.dumps(seen))
