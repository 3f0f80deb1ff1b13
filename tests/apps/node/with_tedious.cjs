// An app on tedious. Its settings come from TDS_ variables; it prints what it saw as JSON.
'use strict'

const { Connection, Request, TYPES } = require('tedious')

const env = process.env
const mode = env.TDS_ENCRYPT
const connection = new Connection({
  server: env.TDS_HOST,
  authentication: { type: 'default', options: { userName: env.TDS_USER, password: env.TDS_PASSWORD } },
  options: {
    port: Number(env.TDS_PORT),
    database: 'shop',
    encrypt: mode === 'strict' ? 'strict' : mode === 'on',
    trustServerCertificate: true,
    serverName: mode === 'off' ? undefined : 'localhost',
    useColumnNames: false,
    connectTimeout: 20000,
    ...(env.TDS_VERSION ? { tdsVersion: env.TDS_VERSION } : {}),
    ...(env.TDS_PACKET_SIZE ? { packetSize: Number(env.TDS_PACKET_SIZE) } : {}),
  },
})

function run(method, sql, parameters = [], cancelAfter) {
  return new Promise((resolve, reject) => {
    const rows = []
    const request = new Request(sql, (error) => (error ? reject(error) : resolve(rows)))
    parameters.forEach(([name, type, value]) => request.addParameter(name, type, value))
    request.on('row', (columns) => rows.push(columns.map((column) => column.value)))
    connection[method](request)
    if (cancelAfter) cancelAfter(request)
  })
}

/** A value as text, the same whichever driver it comes from. */
function shown(value) {
  if (value === null || typeof value === 'string') return value
  if (Buffer.isBuffer(value)) return value.toString('hex')
  if (typeof value === 'boolean') return String(Number(value))
  return value instanceof Date ? value.toISOString() : String(value)
}

async function every(names) {
  const rows = await run('execSqlBatch', `select ${names.join(', ')} from dbo.every_type order by id`)
  return Object.fromEntries(names.map((name, at) => [name, rows.map((row) => shown(row[at]))]))
}

async function large() {
  const words = 'naïve 漢字, '.repeat(20000).slice(0, 100000)
  const data = Buffer.from(Array.from({ length: 300000 }, (_, at) => (at * 7 + Math.floor(at / 251)) % 256))
  await run('execSqlBatch', 'create table #large (id int, words nvarchar(max), data varbinary(max))')
  await run('execSql', 'insert into #large (id, words, data) values (1, @words, @data)', [
    ['words', TYPES.NVarChar, words],
    ['data', TYPES.VarBinary, data],
  ])
  const [read] = await run('execSql', 'select words, data from #large')
  return [read[0].length, read[0] === words, read[1].length, data.equals(read[1])]
}

async function main() {
  await new Promise((resolve, reject) => {
    connection.on('connect', (error) => (error ? reject(error) : resolve()))
    connection.on('error', reject)
    connection.connect()
  })
  const seen = {}
  seen.rows = await run('execSql', 'select top 2 name, price, organic from products where id > @id order by id', [
    ['id', TYPES.Int, 1],
  ])
  seen.parameters = (
    await run('execSql', "select @text + N'é', @nothing, @big, @when", [
      ['text', TYPES.NVarChar, 'naïve'],
      ['nothing', TYPES.Int, null],
      ['big', TYPES.BigInt, '4611686018427387904'],
      ['when', TYPES.DateTime2, new Date(Date.UTC(2026, 0, 2, 3, 4, 5))],
    ])
  )[0]
  await run('execSqlBatch', 'create table #t (id int identity(1,1) primary key, name nvarchar(max), n int)')
  await new Promise((resolve, reject) => {
    const load = connection.newBulkLoad('#t', {}, (error) => (error ? reject(error) : resolve()))
    load.addColumn('name', TYPES.NVarChar, { length: Infinity, nullable: true })
    load.addColumn('n', TYPES.Int, { nullable: true })
    connection.execBulkLoad(load, Array.from({ length: 1000 }, (_, n) => [`name ${n}`, n % 2 ? n : null]))
  })
  const transact = (method) => new Promise((resolve, reject) => connection[method]((e) => (e ? reject(e) : resolve())))
  await transact('beginTransaction')
  await run('execSql', "insert into #t (name) values ('lost')")
  await transact('rollbackTransaction')
  seen.kept = (await run('execSql', 'select count(*), count(n), max(name) from #t'))[0]

  if (env.TDS_COLUMNS) {
    seen.every = {}
    for (const name of env.TDS_COLUMNS.split(',')) {
      Object.assign(seen.every, await every([name]).catch((error) => ({ [name]: String(error) })))
    }
    const readable = Object.keys(seen.every).filter((name) => Array.isArray(seen.every[name]))
    const together = await every(readable)
    seen.together = readable.every((name) => String(together[name]) === String(seen.every[name]))
  }
  seen.large = await large()
  const cancelled = run('execSqlBatch', "waitfor delay '00:10:00'", [], () => setImmediate(() => connection.cancel()))
  seen.cancelled = (await cancelled.catch((error) => error)).code
  await new Promise((resolve, reject) => connection.reset((error) => (error ? reject(error) : resolve())))
  seen.afterReset = (await run('execSql', 'select @@trancount'))[0]
  seen.error = (await run('execSql', 'select * from nowhere').catch((error) => error)).message
  connection.close()
  console.log(JSON.stringify(seen))
}

main().catch((error) => {
  console.log(JSON.stringify({ refused: error.message, cause: String(error.cause ?? '') }))
  connection.close()
})
