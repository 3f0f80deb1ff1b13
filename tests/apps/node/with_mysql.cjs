// An app on mysql or mysql2, as its argument says. It prints what it saw as JSON.

const { promisify } = require('node:util');
const mysql = require(process.argv[2]);

const settings = {
  host: process.env.DB_HOST,
  port: Number(process.env.DB_PORT),
  user: process.env.DB_USER,
  password: process.env.DB_PASSWORD,
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
