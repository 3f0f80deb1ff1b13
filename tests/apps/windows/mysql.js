'use strict';
// An app on one of Node.js's drivers of MySQL, on Windows: `mysql.js MODULES DRIVER OPTIONS [wait]`. What it has done it says in lines.
const [, , modules, name, options, wait] = process.argv;
// Under Wine Node.js has no stream for an output that is a pipe of unix, and sockets ask whether they are one.
for (const output of ['stdout', 'stderr']) Object.defineProperty(process, output, { value: undefined });
const say = line => require('fs').writeSync(1, `${line}\n`);
const driver = require(`${modules}/${name}`);
const settings = { user: 'legacy', password: 'any', ...JSON.parse(options) };

// Each driver's connection, asked alike.
async function connected() {
  if (name === 'mariadb') {
    const connection = await driver.createConnection({ ...settings, bigIntAsNumber: true });
    return { connection, query: sql => connection.query(sql), end: () => connection.end() };
  }
  const connection = driver.createConnection(settings);
  const done = call => new Promise((good, bad) => call((error, rows) => (error ? bad(error) : good(rows))));
  return { connection, query: sql => done(told => connection.query(sql, told)), end: () => done(told => connection.end(told)) };
}

(async () => {
  const { connection, query, end } = await connected();
  const [{ answer }] = await query('select 6 * 7 as answer');
  say(`answer ${answer}`);
  const [{ long }] = await query("select repeat('x', 3000000) as `long`");
  say(`long ${long.length}`);
  if (wait) {
    const lost = new Promise(told => connection.on('error', error => told(error.code)));
    say('waiting');
    say(`lost ${await lost}`);
    return;
  }
  await end();
  say('ended');
})().catch(error => {
  say(`refused: ${error.message}`);
  process.exitCode = 1;
});
