"""An app on libmysqlclient, which Connector/Python brings along. Arguments: algorithms of compression, and a level of zstd. It
prints what it saw as JSON."""

import ctypes
import hashlib
import json
import os
import sys
import tempfile

import _mysql_connector

library = ctypes.CDLL(_mysql_connector.__file__)
LOCAL_INFILE, COMPRESSION_ALGORITHMS, ZSTD_COMPRESSION_LEVEL = 8, 41, 42
MYSQL, ROW = ctypes.c_void_p, ctypes.POINTER(ctypes.c_void_p)
for name, result, *parameters in (
    ("mysql_init", MYSQL, MYSQL),
    ("mysql_options", ctypes.c_int, MYSQL, ctypes.c_int, ctypes.c_void_p),
    ("mysql_real_connect", MYSQL, MYSQL, *[ctypes.c_char_p] * 4, ctypes.c_uint, ctypes.c_char_p, ctypes.c_ulong),
    ("mysql_change_user", ctypes.c_char, MYSQL, *[ctypes.c_char_p] * 3),
    ("mysql_real_query", ctypes.c_int, MYSQL, ctypes.c_char_p, ctypes.c_ulong),
    ("mysql_store_result", ctypes.c_void_p, MYSQL),
    ("mysql_fetch_row", ROW, ctypes.c_void_p),
    ("mysql_fetch_lengths", ctypes.POINTER(ctypes.c_ulong), ctypes.c_void_p),
    ("mysql_num_fields", ctypes.c_uint, ctypes.c_void_p),
    ("mysql_free_result", None, ctypes.c_void_p),
    ("mysql_errno", ctypes.c_uint, MYSQL),
    ("mysql_error", ctypes.c_char_p, MYSQL),
    ("mysql_close", None, MYSQL),
):
    function = getattr(library, name)
    function.restype, function.argtypes = result, parameters


def check(fine):
    if not fine:
        sys.exit(library.mysql_error(connection).decode())


def run(sql):
    statement = sql.encode()
    return library.mysql_real_query(connection, statement, len(statement)) == 0


def one(sql):
    check(run(sql))
    result = library.mysql_store_result(connection)
    check(result)
    row, lengths = library.mysql_fetch_row(result), library.mysql_fetch_lengths(result)
    values = [
        ctypes.string_at(row[at], lengths[at]).decode() if row[at] else None for at in range(library.mysql_num_fields(result))
    ]
    library.mysql_free_result(result)
    return values


connection = library.mysql_init(None)
algorithms, level = sys.argv[1].encode(), ctypes.c_uint(int(sys.argv[2]))
library.mysql_options(connection, LOCAL_INFILE, ctypes.byref(ctypes.c_uint(1)))
library.mysql_options(connection, COMPRESSION_ALGORITHMS, algorithms)
library.mysql_options(connection, ZSTD_COMPRESSION_LEVEL, ctypes.byref(level))
host, user, password = (os.environ[name].encode() for name in ("DB_HOST", "DB_USER", "DB_PASSWORD"))
check(library.mysql_real_connect(connection, host, user, password, None, int(os.environ["DB_PORT"]), None, 0))

seen = {}
seen["user"], seen["database"] = one("select current_user(), database()")
check(run("set @mine = 1"))
check(library.mysql_change_user(connection, b"somebody else", b"another password", seen["database"].encode()) == b"\0")
seen["changed"] = one("select @mine") == [None]
long = hashlib.md5(b"long").hexdigest() * (20 << 15)
seen["sent"] = int(one(f"select length('{long}')")[0])
seen["received"] = len(one("select repeat('y', 20 << 20)")[0])
check(run("create table file (content longblob)"))
with tempfile.NamedTemporaryFile() as file:
    file.write(b"\x11" * (12 << 20))
    file.flush()
    # A long query goes out in other envelopes than packets, so that the library's numbers of the file's packets are astray.
    check(
        run(
            f"load data local infile '{file.name}' /* {long[:200_000]} */ into table file "
            "fields terminated by 'no' lines terminated by 'none'"
        )
    )
seen["loaded"] = int(one("select length(content) from file")[0])
if not run("select * from nowhere"):
    seen["error"] = library.mysql_errno(connection)
library.mysql_close(connection)
print(json.dumps(seen))
