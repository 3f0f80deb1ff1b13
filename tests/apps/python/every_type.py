"""What the sample's view of all types and its large values look like through a driver, for the apps here that are on SQL Server."""

import datetime
import decimal
import os
import uuid

WORDS = ("naïve 漢字, " * 20000)[:100000]
DATA = bytes((at * 7 + at // 251) % 256 for at in range(300000))


def shown(value):
    """A value as text, the same whichever driver it comes from."""
    match value:
        case None | str():
            return value
        case bytes() | bytearray():
            return value.hex()
        case bool():
            return str(int(value))
        case datetime.datetime():
            return value.isoformat(" ")
        case decimal.Decimal():
            return format(value, "f")
        case uuid.UUID():
            return str(value).upper()
        case _:
            return str(value)


def columns(cursor, undo):
    """Each column of the view by itself, or what the driver says of it; then all that it can read at once."""
    seen = {}
    for name in os.environ["TDS_COLUMNS"].split(","):
        try:
            cursor.execute(f"select {name} from dbo.every_type order by id")
            seen[name] = [shown(value) for (value,) in cursor.fetchall()]
        except Exception as error:
            seen[name] = repr(error)
            undo()
    readable = [name for name, values in seen.items() if isinstance(values, list)]
    cursor.execute(f"select {', '.join(readable)} from dbo.every_type order by id")
    together = [[shown(value) for value in row] for row in cursor.fetchall()]
    return seen, together == [list(row) for row in zip(*(seen[name] for name in readable))]


def large(cursor, mark, binary=bytes):
    """Writes large values by parameters, and reads them back."""
    cursor.execute("create table #large (id int, words nvarchar(max), data varbinary(max))")
    insert = f"insert into #large (id, words, data) values ({mark}, {mark}, {mark})"
    cursor.execute(insert, (1, WORDS, binary(DATA)))
    cursor.execute(insert, (2, "", binary(b"")))
    cursor.execute("insert into #large (id, words, data) values (3, null, null)")
    cursor.execute("select words, data from #large order by id")
    (words, data), *others = cursor.fetchall()
    return [len(words), words == WORDS, len(data), bytes(data) == DATA, [[shown(value) for value in row] for row in others]]
