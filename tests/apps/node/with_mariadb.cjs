// An app on MariaDB's driver, with a pool and pipelining. It prints what it saw as JSON.

const mariadb = require('mariadb');

const settings = {
  host: process.env.DB_HOST,
  port: Number(process.env.DB_PORT),
  user: process.env.DB_USER,
  password: process.env.DB_PASSWORD,
  // Without one the driver leaves it out of changeUser, too, and no server can read that.
  database: process.env.DB_NAME,
  bigIntAsNumber: true,
  insertIdAsNumber: true,
  ...(process.env.DB_COMPRESSION && { compress: true, permitLocalInfile: true }),
};

async function main() {
  const seen = {};
  const pool = mariadb.createPool({ ...settings, connectionLimit: 3, resetAfterUse: true });
  const connection = await pool.getConnection();
  const one = async (sql, values) => (await connection.query(sql, values))[0];
  Object.assign(seen, await one('select current_user() as user, database() as `database`'));
  const { sum, word } = await connection.execute('select ? + ? as sum, ? as word', [1, 2, 'naïve']).then((rows) => rows[0]);
  seen.prepared = [Number(sum), word];
  await connection.query('set @mine = 1');
  await connection.changeUser({ user: 'somebody else', password: 'another password', database: seen.database });
  const { thread, mine } = await one('select connection_id() as thread, @mine as mine');
  seen.changed = Number(thread) === connection.threadId && mine === null;
  const many = await Promise.all([1, 2, 3, 4, 5].map((number) => one(`select ${number} as number`)));
  seen.pipelined = many.map(({ number }) => Number(number));
  await connection.query('create table batch (id int, name varchar(20))');
  const rows = Array.from({ length: 1000 }, (_, id) => [id, `name ${id}`]);
  const { affectedRows } = await connection.batch('insert into batch values (?, ?)', rows);
  seen.batch = affectedRows;
  // More than a packet or an envelope can hold, both ways, and a file.
  if (process.env.DB_COMPRESSION) {
    const long = require('node:crypto').createHash('md5').update('long').digest('hex').repeat(20 << 15);
    seen.sent = Number((await one('select length(?) as length', [long])).length);
    seen.received = (await one("select repeat('y', 20 << 20) as long_row")).long_row.length;
    await connection.query('create table file (content longblob)');
    await connection.query({
      sql: "load data local infile 'any' into table file fields terminated by 'no' lines terminated by 'none'",
      infileStreamFactory: () => require('node:stream').Readable.from([Buffer.alloc(12 << 20, 0x11)]),
    });
    seen.loaded = Number((await one('select length(content) as length from file')).length);
    seen.error = await connection.query('select * from nowhere').catch(({ errno }) => errno);
  }
  await connection.release();
  await pool.end();
  console.log(JSON.stringify(seen));
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
