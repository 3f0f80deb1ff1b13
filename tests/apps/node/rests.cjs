// An app that leaves a connection idle behind each kind of statement, and goes when its standard input ends. Its argument is the driver:
// mysql, mysql2 or mariadb.

const { promisify } = require('node:util');
const driver = process.argv[2];
const library = require(driver);

const settings = {
  host: process.env.DB_HOST,
  port: Number(process.env.DB_PORT),
  user: process.env.DB_USER,
  password: process.env.DB_PASSWORD,
  database: process.env.DB_NAME,
  multipleStatements: true,
  ...(driver === 'mariadb' ? { permitLocalInfile: true, bigIntAsNumber: true } : { flags: ['+LOCAL_FILES'] }),
};

async function connect() {
  if (driver === 'mariadb') {
    const connection = await library.createConnection(settings);
    connection.on('error', () => {});
    return connection;
  }
  const connection = library.createConnection(settings);
  connection.on('error', () => {});
  const promised = (name) => connection[name] && promisify(connection[name]).bind(connection);
  return {
    query: promised('query'),
    execute: promised('execute'),
    changeUser: promised('changeUser'),
    ping: promised('ping'),
    raw: connection,
  };
}

const fails = (promise) =>
  promise.then(
    () => {
      throw new Error('no error');
    },
    () => {},
  );
const file = (content) => () => require('node:stream').Readable.from(content);
const load = (it, content) =>
  it.query({ sql: "load data local infile 'any' into table node_notes", infileStreamFactory: file(content) });

const behind = {
  rows: (it) => it.query("select 1 as a, 'one' as b union all select 2, null"),
  'many rows': (it) => it.query("select seq, repeat('r', 100) as r from seq_1_to_20000"),
  'no result': (it) => it.query("insert into node_notes values ('a'), ('b')"),
  'an error': (it) => fails(it.query('select * from nowhere')),
  'an error behind a row': (it) =>
    fails(it.query('select (select 1 union all select seq from dual where seq > 1) as a from seq_1_to_3')),
  'several statements': (it) => it.query('select 1; set @a = 1; select 2 from dual where false; do 1; select 3'),
  'a procedure': (it) => it.query('call node_sets(1, @b)'),
  'queries that are sent ahead': (it) => Promise.all([1, 2, 3, 4, 5].map((number) => it.query(`select ${number}`))),
  'a row of several packets': (it) => it.query("select repeat('y', 17 << 20) as y"),
  'a ping': (it) => it.ping(),
  COM_CHANGE_USER: (it) => it.changeUser({ user: 'somebody', password: 'any', database: process.env.DB_NAME }),
  'a transaction': async (it) => {
    await it.query('start transaction');
    await it.query("insert into node_notes values ('c')");
    await it.query('commit');
  },
};
if (driver !== 'mysql') {
  behind['a file'] = (it) => load(it, [Buffer.from('one\ntwo\n')]);
  behind['an empty file'] = (it) => load(it, []);
  behind['a prepared statement'] = async (it) => {
    for (const value of [1, 2, 3]) await it.execute('select ? as a, seq from seq_1_to_3', [value]);
  };
  behind['a prepared statement that fails'] = (it) => fails(it.execute('select ? from nowhere', [1]));
}
if (driver === 'mariadb') {
  const rows = Array.from({ length: 1000 }, (_, id) => [`note ${id}`]);
  behind['a batch'] = (it) => it.batch('insert into node_notes values (?)', rows);
  behind['a batch that returns'] = (it) => it.batch('insert into node_notes values (?) returning note', rows);
  behind.reset = (it) => it.reset();
}

async function main() {
  const first = await connect();
  await first.query('create or replace table node_notes (note text)');
  await first.query('create or replace procedure node_sets(in a int, out b int) begin select a; select 2, 3; set b = 4; end');
  const connections = [];
  for (const [name, statement] of Object.entries(behind)) {
    const connection = await connect();
    console.log(`behind ${name}`);
    await statement(connection);
    connections.push(connection);
  }
  console.log(`${connections.length} at rest`);
  process.stdin.resume().on('end', () => process.exit(0));
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
