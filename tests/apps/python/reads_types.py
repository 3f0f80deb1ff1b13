"""Reads a row of every type, and what procedures give back, by the driver that it is told; it prints all as JSON."""

import json
import os
import sys

driver = sys.argv[1]
host, port = os.environ["TDS_HOST"], os.environ["TDS_PORT"]
user, password = os.environ["TDS_USER"], os.environ["TDS_PASSWORD"]
version = os.environ.get("TDS_VERSION", "7.4")

if driver == "pytds":
    import pytds

    numbers = {
        "7.0": 0x70000000,
        "7.1": 0x71000001,
        "7.2": 0x72090002,
        "7.3A": 0x730A0003,
        "7.3B": 0x730B0003,
        "7.4": 0x74000004,
    }
    connection = pytds.connect(
        dsn=host,
        port=int(port),
        user=user,
        password=password,
        database="shop",
        login_timeout=20,
        autocommit=True,
        tds_version=numbers[version],
    )
else:
    import pymssql

    connection = pymssql.connect(
        server=host, port=port, user=user, password=password, database="shop", tds_version=version, autocommit=True
    )


def shown(value):
    text = value.hex() if isinstance(value, bytes) else str(value)
    return text if len(text) < 80 else f"{text[:40]} ... {len(text)}"


def read(sql, *parameters):
    cursor = connection.cursor()
    cursor.execute(sql, *parameters)
    names = [column[0] for column in cursor.description]
    return [{name or str(at): shown(value) for at, (name, value) in enumerate(zip(names, row))} for row in cursor]


seen = {"rows": read("select * from dbo.every_type")}
seen["computed"] = read(
    "select cast('<a>é</a>' as xml), cast('2026-03-02 08:15:07.5' as datetime2(3)), "
    "replicate(cast('é' as nvarchar(max)), 100000), cast(null as date), cast(0x0102 as image)"
)
seen["series"] = len(read("select cast('2026-03-02' as date), null, replicate('x', 100) from generate_series(1, 2000)"))
if driver == "pytds":
    cursor = connection.cursor()
    is_old = version in ("7.0", "7.1")
    given = cursor.callproc(
        "sp_executesql",
        (
            "set @x = cast('<a>é</a>' as xml) set @d = '2026-03-02' set @t = replicate(@t, 20000)",
            "@x xml output, @d date output, @t nvarchar(max) output",
            pytds.output(param_type="ntext" if is_old else "xml"),
            pytds.output(param_type="nvarchar(40)"),
            pytds.output(value="é", param_type="ntext" if is_old else "nvarchar(max)"),
        ),
    )
    seen["given back"] = [shown(value) for value in given[2:]]
connection.close()
print(json.dumps(seen))
