// An app on mysql or mysql2, as its argument says. It prints what it saw as JSON.

const { promisify } = require('node:util');
const mysql = require(process.argv[2]);

const settings = {
  host: process.env.DB_HOST,
  port: Number(process.env.DB_PORT),
  user: process.env.DB_USER,
  password: process.env.DB_PASSWORD,
  ...(process.env.DB_COMPRESSION && { compress: true }),
};

async function main() {
  const seen = {};
  const connection = mysql.createConnection(settings);
  const query = promisify(connection.query).bind(connection);
  const one = async (sql, values) => (await query(sql, values))[0];

  Object.assign(seen, await one('select current_user() as user, database() as `database`'));
  const { sum, word } = await one('select ? + ? as sum, ? as word', [1, 2, 'naïve']);
  seen.parameters = [Number(sum), word];
  await query('set @mine = 1');
  await promisify(connection.changeUser).call(connection, {
    user: 'somebody else',
    password: 'another password',
    database: seen.database,
  });
  const { thread, mine } = await one('select connection_id() as thread, @mine as mine');
  seen.changed = thread === connection.threadId && mine === null;
  // mysql and mysql2 queue queries without waiting for answers.
  const many = await Promise.all([1, 2, 3, 4, 5].map((number) => one(`select ${number} as number`)));
  seen.queued = many.map(({ number }) => Number(number));
  // More than a packet or an envelope can hold, both ways, and a file.
  if (process.env.DB_COMPRESSION) {
    const long = require('node:crypto').createHash('md5').update('long').digest('hex').repeat(20 << 15);
    seen.sent = (await one('select length(?) as length', [long])).length;
    seen.received = (await one("select repeat('y', 20 << 20) as long_row")).long_row.length;
    await query('create table file (content longblob)');
    const { affectedRows } = await query({
      sql: "load data local infile 'any' into table file fields terminated by 'no' lines terminated by 'none'",
      infileStreamFactory: () => require('node:stream').Readable.from([Buffer.alloc(12 << 20, 0x11)]),
    });
    seen.loaded = (await one('select length(content) as length from file')).length * affectedRows;
    const execute = promisify(connection.execute).bind(connection);
    seen.prepared = Number((await execute('select ? + ? as sum', [1, 2]))[0].sum);
  }
  try {
    await query('select * from nowhere');
  } catch (error) {
    seen.error = error.errno;
  }
  await promisify(connection.end).call(connection);
  console.log(JSON.stringify(seen));
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
