"""An app on aiopg, which watches the one socket that its connection began with. It prints what it read as JSON."""

import asyncio
import json
import os

import aiopg


async def main():
    try:
        # Waits for as long as an app would that has no time-out of its own.
        connection = await aiopg.connect("", timeout=60)
    except Exception as error:
        return {"error": type(error).__name__, "text": str(error)}
    cursor = await connection.cursor()
    await cursor.execute("select current_user, current_database()")
    role, database = await cursor.fetchone()
    await connection.close()
    return {"role": role, "database": database}


seen = asyncio.run(main())
print(json.dumps(seen), flush=True)
# An aiopg that has given up waits for its socket once more when Python ends.
os._exit(0)
