// An app on a tedious of 2013 or 2014, which could do less. It prints what it saw as JSON.
'use strict'

const { Connection, Request, TYPES } = require('tedious')

const env = process.env
const connection = new Connection({
  server: env.TDS_HOST,
  userName: env.TDS_USER,
  password: env.TDS_PASSWORD,
  options: { port: Number(env.TDS_PORT), database: 'shop', tdsVersion: env.TDS_VERSION, connectTimeout: 20000 },
})

function run(method, sql, parameters = []) {
  return new Promise((resolve, reject) => {
    const rows = []
    const request = new Request(sql, (error) => (error ? reject(error) : resolve(rows)))
    parameters.forEach(([name, type, value]) => request.addParameter(name, type, value))
    request.on('row', (columns) => rows.push(Array.from(columns, (column) => column.value)))
    connection[method](request)
  })
}

function shown(value) {
  if (value === null || typeof value === 'string') return value
  if (Buffer.isBuffer(value) || Array.isArray(value)) return Buffer.from(value).toString('hex')
  if (typeof value === 'boolean') return String(Number(value))
  return value instanceof Date ? value.toISOString() : String(value)
}

async function main() {
  const seen = {}
  seen.rows = await run('execSql', 'select top 2 name, price, organic from products where id > @id order by id', [
    ['id', TYPES.Int, 1],
  ])
  seen.parameters = (
    await run('execSql', "select @text + N'é', @nothing", [
      ['text', TYPES.NVarChar, 'naïve'],
      ['nothing', TYPES.Int, null],
    ])
  )[0]
  await run('execSqlBatch', 'create table #t (id int identity(1,1) primary key, name nvarchar(max), n int)')
  // With 7.1 this driver has no transactions of its own.
  const transact = (method, sql) =>
    env.TDS_VERSION === '7_1'
      ? run('execSqlBatch', sql)
      : new Promise((resolve, reject) => connection[method]((error) => (error ? reject(error) : resolve())))
  await transact('beginTransaction', 'begin transaction')
  await run('execSql', "insert into #t (name) values ('lost')")
  await transact('rollbackTransaction', 'rollback transaction')
  const words = 'naïve 漢字, '.repeat(20000).slice(0, 100000)
  await run('execSql', 'insert into #t (name) values (@words)', [['words', TYPES.NVarChar, words]])
  const [[count]] = await run('execSql', 'select count(*) from #t')
  const [[name]] = await run('execSql', 'select name from #t')
  seen.kept = [count, name.length, name === words]
  seen.every = {}
  for (const name of env.TDS_COLUMNS.split(',')) {
    const rows = await run('execSqlBatch', `select ${name} from dbo.every_type order by id`)
    seen.every[name] = rows.map(([value]) => shown(value))
  }
  const told = (error) => String(error.message ?? error)
  seen.error = await run('execSqlBatch', 'select * from nowhere').then(() => 'none', told)
  connection.close()
  console.log(JSON.stringify(seen))
}

connection.on('connect', (error) => {
  if (error) {
    console.log(JSON.stringify({ refused: String(error.message ?? error) }))
    process.exit(0)
  }
  main().catch((error) => {
    console.log(JSON.stringify({ failed: String(error.stack ?? error) }))
    process.exit(0)
  })
})
