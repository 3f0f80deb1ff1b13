"""An app on asyncpg. Its settings come from libpq's variables; it prints what it saw as JSON."""

import asyncio
import io
import json

import asyncpg


async def main():
    seen = {}
    connection = await asyncpg.connect()
    row = await connection.fetchrow("select current_user, current_database()")
    seen["role"], seen["database"] = row
    seen["parameters"] = await connection.fetchval("select $1::int + $2::int", 1, 2)
    statement = await connection.prepare("select $1::int * 2")
    seen["prepared"] = [await statement.fetchval(number) for number in range(5)]

    await connection.execute("create temp table items (id int, name text)")
    records = [(number, f"name {number}") for number in range(10_000)]
    await connection.copy_records_to_table("items", records=records)
    copied = io.BytesIO()
    await connection.copy_from_query("select id from items order by id", output=copied)
    seen["copied"] = [int(line) for line in copied.getvalue().split()] == list(range(10_000))

    async with connection.transaction():
        stepwise = connection.cursor("select id from items", prefetch=100)
        seen["server_side_cursor"] = len([row async for row in stepwise])

    heard = asyncio.get_running_loop().create_future()
    await connection.add_listener("news", lambda *notice: heard.set_result(notice[-1]))
    other = await asyncpg.connect()
    await other.execute("notify news, 'hello'")
    seen["notified"] = await asyncio.wait_for(heard, 60)

    # asyncpg cancels the query when its task is cancelled.
    sleeping = asyncio.create_task(connection.execute("select pg_sleep(600)"))
    running = "select count(*) from pg_stat_activity where pid = $1 and state = 'active'"
    while not await other.fetchval(running, connection.get_server_pid()):
        pass
    sleeping.cancel()
    await asyncio.gather(sleeping, return_exceptions=True)
    seen["after_cancel"] = await connection.fetchval("select 1")

    try:
        await connection.execute("select 1 / 0")
    except asyncpg.PostgresError as error:
        seen["error"] = [error.sqlstate, str(error)]
    print(json.dumps(seen))


asyncio.run(main())
