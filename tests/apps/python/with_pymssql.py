"""An app on pymssql (FreeTDS's DB-Library). Its settings come from TDS_ variables; it prints what it saw as JSON."""

import json
import os

import pymssql

settings = dict(
    server=os.environ["TDS_HOST"],
    port=os.environ["TDS_PORT"],
    user=os.environ["TDS_USER"],
    password=os.environ["TDS_PASSWORD"],
    database="shop",
    encryption="require" if os.environ["TDS_ENCRYPT"] == "on" else "off",
    login_timeout=20,
)
if version := os.environ.get("TDS_VERSION"):
    settings["tds_version"] = version

seen = {}
try:
    connection = pymssql.connect(**settings)
except pymssql.Error as error:
    print(json.dumps({"refused": str(error)}))
    raise SystemExit from None

cursor = connection.cursor()
cursor.execute("select top 2 name, price, organic from products where id > %d order by id", (1,))
seen["rows"] = [[name, str(price), organic] for name, price, organic in cursor.fetchall()]
cursor.execute("select %s + N'é', null", ("naïve",))
seen["parameters"] = cursor.fetchone()
cursor.execute("create table #t (id int identity(1,1) primary key, name nvarchar(max), at datetime2)")
cursor.executemany("insert into #t (name, at) values (%s, %s)", [(f"name {n}", "2026-01-02 03:04:05") for n in range(20)])
connection.commit()
cursor.execute("insert into #t (name) values ('lost')")
connection.rollback()
cursor.execute("select count(*), max(id) from #t")
seen["kept"] = cursor.fetchone()
cursor.execute("select 1; select 2")
seen["sets"] = [cursor.fetchall()[0][0]]
cursor.nextset()
seen["sets"].append(cursor.fetchall()[0][0])
try:
    cursor.execute("select * from nowhere")
except pymssql.Error as error:
    seen["error"] = str(error)
connection.close()
print(json.dumps(seen))
