"""An app on python-tds. Its settings come from TDS_ variables; it prints what it saw as JSON."""

import json
import os

import every_type
import pytds

settings = dict(
    dsn=os.environ["TDS_HOST"],
    port=int(os.environ["TDS_PORT"]),
    user=os.environ["TDS_USER"],
    password=os.environ["TDS_PASSWORD"],
    database="shop",
    login_timeout=20,
    use_mars=os.environ.get("TDS_MARS") == "on",
)
if os.environ["TDS_ENCRYPT"] == "on":
    settings |= dict(cafile=os.environ["TDS_CA_FILE"], validate_host=False)
if size := os.environ.get("TDS_PACKET_SIZE"):
    settings["blocksize"] = int(size)
if version := os.environ.get("TDS_VERSION"):
    settings["tds_version"] = int(version, 16)

seen = {}
try:
    connection = pytds.connect(**settings)
except pytds.Error as error:
    print(json.dumps({"refused": str(error)}))
    raise SystemExit from None

with connection:
    seen["version"] = f"{connection.tds_version:08x}"
    cursor = connection.cursor()
    cursor.execute("select top 2 name, price, organic from products where id > %s order by id", (1,))
    seen["rows"] = [[name, str(price), organic] for name, price, organic in cursor.fetchall()]
    cursor.execute("select %s + N'é', null", ("naïve",))
    seen["parameters"] = cursor.fetchone()
    cursor.execute("create table #t (id int identity(1,1) primary key, name nvarchar(max), n decimal(10, 2))")
    connection.commit()
    rows = [(f"name {number}", None) for number in range(1000)]
    columns = [
        pytds.Column("name", type=pytds.tds_types.NVarCharMaxType()),
        pytds.Column("n", type=pytds.tds_types.IntType()),
    ]
    if seen["version"] == "70000000":
        # There it cannot describe a column of text.
        cursor.executemany("insert into #t (name, n) values (%s, %s)", rows)
    else:
        cursor.copy_to(data=rows, table_or_view="#t", columns=columns)
    connection.commit()
    cursor.execute("insert into #t (name) values ('lost')")
    connection.rollback()
    cursor.execute("select count(*), max(name) from #t")
    seen["kept"] = cursor.fetchone()
    if "TDS_COLUMNS" in os.environ:
        seen["every"], seen["together"] = every_type.columns(cursor, connection.rollback)
    seen["large"] = every_type.large(cursor, "%s", pytds.Binary)
    cursor.execute("select 1; update products set stock = stock where id = 3; select 'two', null; select 3 from products where id = 0")
    sets = [cursor.fetchall()]
    while cursor.nextset():
        sets.append(cursor.fetchall() if cursor.description else cursor.rowcount)
    seen["sets"] = sets
    if settings["use_mars"] and os.environ.get("TDS_MARS_USED") != "no":
        first, second = connection.cursor(), connection.cursor()
        first.execute("select id from products order by id")
        pairs = []
        for (number,) in first:
            second.execute("select count(*) from orders where product_id = %s", (number,))
            pairs.append(second.fetchone()[0])
        seen["mars"] = pairs
    try:
        cursor.execute("select * from nowhere")
    except pytds.Error as error:
        seen["error"] = str(error)
    # A result of which nobody reads the rest: the driver cancels it.
    cursor.execute("select replicate('0123456789', 100) from generate_series(1, 1000)")
    cursor.fetchone()
    cursor.cancel()
    seen["after_half"] = cursor.execute_scalar("select name from products where id = 3")
print(json.dumps(seen))
