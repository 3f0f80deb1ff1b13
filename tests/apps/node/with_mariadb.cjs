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
  await connection.release();
  await pool.end();
  console.log(JSON.stringify(seen));
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
