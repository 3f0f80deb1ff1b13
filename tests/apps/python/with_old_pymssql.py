# -*- coding: utf-8 -*-
"""An app on pymssql (FreeTDS's DB-Library), of 2016 or of today, in Python 2 or 3. It prints what it saw as JSON."""

import datetime
import decimal
import json
import os
import re
import sys

import pymssql

if sys.version_info[0] > 2:
    unicode = str


def shown(name, value):
    """A value as text, the same whichever Python this is."""
    if isinstance(value, (bytearray, memoryview)) or (value is not None and re.search("binary|image|hierarchyid|geometry", name)):
        return "".join("%02x" % byte for byte in bytearray(value))
    if isinstance(value, bytes):
        return value.decode("utf-8")
    if isinstance(value, bool):
        return unicode(int(value))
    if isinstance(value, datetime.datetime):
        return unicode(value.isoformat(" "))
    if isinstance(value, decimal.Decimal):
        return format(value, u"f")
    if value is None or isinstance(value, unicode):
        return value
    return unicode(value)


def part(name):
    """Runs a part of the app. What it throws is what the app saw, and the next part goes on."""
    def run(function):
        try:
            seen[name] = function()
        except Exception as error:
            seen[name + " failed"] = repr(error)
    return run


def one(sql, *arguments):
    cursor.execute(sql, *arguments)
    return [shown("", value) for value in cursor.fetchone()]


settings = dict(
    server=os.environ["TDS_HOST"],
    port=os.environ["TDS_PORT"],
    user=os.environ["TDS_USER"],
    password=os.environ["TDS_PASSWORD"],
    database="shop",
    login_timeout=20,
    charset="UTF-8",
)
if os.environ.get("TDS_VERSION"):
    settings["tds_version"] = os.environ["TDS_VERSION"]

seen = {"driver": pymssql.__version__}
try:
    connection = pymssql.connect(**settings)
except pymssql.Error as error:
    print(json.dumps({"refused": str(error)}))
    raise SystemExit

seen["version"] = connection._conn.tds_version
cursor = connection.cursor()
cursor.execute("select top 2 name, price, organic from products where id > %d order by id", (1,))
seen["rows"] = [[name, str(price), organic] for name, price, organic in cursor.fetchall()]
seen["parameters"] = one(u"select %s + N'é', null", (u"naïve 漢字",))


def column(name):
    cursor.execute("select " + name + " from dbo.every_type order by id")
    return [shown(name, row[0]) for row in cursor.fetchall()]


@part("every")
def every():
    found = {}
    for name in os.environ.get("TDS_COLUMNS", "").split(","):
        try:
            found[name] = column(name)
        except Exception as error:
            found[name] = repr(error)
    return found


@part("together")
def together():
    readable = [name for name, values in sorted(seen["every"].items()) if isinstance(values, list)]
    cursor.execute("select " + ", ".join(readable) + " from dbo.every_type order by id")
    rows = [[shown(name, value) for name, value in zip(readable, row)] for row in cursor.fetchall()]
    return rows == [list(row) for row in zip(*[seen["every"][name] for name in readable])]


@part("kept")
def kept():
    cursor.execute("create table #t (id int identity(1,1) primary key, name nvarchar(max), at datetime2)")
    rows = [("name %d" % n, "2026-01-02 03:04:05") for n in range(20)]
    cursor.executemany("insert into #t (name, at) values (%s, %s)", rows)
    seen["counted"] = cursor.rowcount
    connection.commit()
    cursor.execute("insert into #t (name) values ('lost')")
    connection.rollback()
    return one("select count(*), max(id), max(name) from #t")


@part("large")
def large():
    words = (u"naïve 漢字, " * 20000)[:100000]
    data = bytearray((at * 7 + at // 251) % 256 for at in range(300000))
    cursor.execute("create table #large (words nvarchar(max), data varbinary(max))")
    literal = "0x" + "".join("%02x" % byte for byte in data)
    insert = u"insert into #large (words, data) values (N'" + words + u"', " + literal + u")"
    cursor.execute(insert if str is unicode else insert.encode("utf-8"))
    cursor.execute("insert into #large (words, data) values (N'', null)")
    connection.commit()
    cursor.execute("select words, data from #large")
    first, second = cursor.fetchall()
    return [len(first[0]), first[0] == words, len(first[1]), bytearray(first[1]) == data, second[0], second[1]]


@part("sets")
def sets():
    cursor.execute("select 1; select N'two', null; select id from products where id = 0; select 3")
    found = [cursor.fetchall()]
    while cursor.nextset():
        found.append(cursor.fetchall())
    return [[list(row) for row in rows] for rows in found]


try:
    cursor.execute("select * from nowhere")
except pymssql.Error as error:
    seen["error"] = str(error)
connection.rollback()
seen["after error"] = one("select name from products where id = 3")
try:
    impatient = pymssql.connect(timeout=1, **settings)
    impatient.cursor().execute("waitfor delay '00:10:00'")
except pymssql.Error as error:
    seen["timed out"] = str(error)
# A result of which nobody reads the rest.
cursor.execute("select replicate('0123456789', 100) from generate_series(1, 1000)")
cursor.fetchone()
seen["after half"] = one("select name from products where id = 3")
connection.close()
print(json.dumps(seen))
