// An app with the pool of its driver: mysql, mysql2 or mariadb, as its argument says. Each line of its standard input has it ask on all
// connections that the pool may have, and say what came.

const readline = require('node:readline');
const { promisify } = require('node:util');
const driver = process.argv[2];

const CONNECTIONS = 5;
const pool = require(driver).createPool({
  host: process.env.DB_HOST,
  port: Number(process.env.DB_PORT),
  user: process.env.DB_USER,
  password: process.env.DB_PASSWORD,
  connectionLimit: CONNECTIONS,
});

async function ask() {
  if (driver === 'mariadb') {
    const connection = await pool.getConnection();
    await connection.query('select 1');
    return () => connection.release();
  }
  const connection = await promisify(pool.getConnection).call(pool);
  await promisify(connection.query).call(connection, 'select 1');
  return () => connection.release();
}

async function main() {
  let time = 0;
  for await (const _ of readline.createInterface({ input: process.stdin })) {
    const releases = [];
    for (let number = 0; number < CONNECTIONS; number++) releases.push(await ask());
    for (const release of releases) await release();
    time += 1;
    console.log(`asked ${time}`);
  }
  process.exit(0);
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
