"""The story on drivers of asyncio whose connections, cursors and pools are those of aiopg and aiomysql: each call waits for its answer here,
but for those that are to run side by side."""

import asyncio

from story import Story, expect

loop = asyncio.new_event_loop()


def wait(future):
    return loop.run_until_complete(future)


class Asynchronous(Story):
    def settings(self):
        settings = super().settings()
        settings["db"] = settings.pop("database")
        return settings

    def open(self):
        return wait(self.opened())

    async def opened(self):
        return await self.module.connect(**self.settings())

    async def rows_of(self, connection, sql, parameters=()):
        async with connection.cursor() as cursor:
            await cursor.execute(sql, *([tuple(parameters)] if parameters else []))
            return [tuple(row) for row in await cursor.fetchall()] if cursor.description else []

    def rows(self, sql, parameters=(), connection=None):
        return wait(self.rows_of(connection or self.connection, sql, parameters))

    run = rows

    def commit(self):
        wait(self.connection.commit())

    def undo(self, connection=None):
        wait((connection or self.connection).rollback())

    def insert_all(self, things):
        wait(self.executemany(f"insert into {self.table} (id, name) values (%s, %s)", things))

    async def executemany(self, sql, things):
        async with self.connection.cursor() as cursor:
            await cursor.executemany(sql, things)

    def cancel(self):
        watcher = self.open()
        running = self.running(self.connection)

        async def stop():
            while not (await self.rows_of(watcher, running))[0][0]:
                await asyncio.sleep(0)
            await self.stop_by(watcher)

        async def both():
            sleeping = asyncio.create_task(self.rows_of(self.connection, self.sleep))
            await stop()
            return await asyncio.gather(sleeping, return_exceptions=True)

        (ended,) = wait(both())
        expect(self.code(ended), self.cancelled)
        watcher.close()
        self.undo()
        expect(self.rows("select 40 + 2"), [(42,)])

    def pool(self):
        self.make_pool()

        async def all_of_them():
            return await asyncio.gather(*(self.use() for _ in range(100)))

        for seen in wait(all_of_them()):
            expect(seen, [(42,)])

    def make_pool(self):
        async def made():
            return await self.module.create_pool(minsize=1, maxsize=10, **self.settings())

        self.connections = wait(made())

    async def use(self):
        async with self.connections.acquire() as connection:
            return await self.rows_of(connection, "select 40 + 2")

    def use_pool(self):
        return wait(self.use())
