// An app on tedious that reads every type, sends a table and cancels a statement. Its settings come from TDS_ variables; it
// prints what it saw as JSON.
'use strict'

const { Connection, Request, TYPES } = require('tedious')

const env = process.env
const connection = new Connection({
  server: env.TDS_HOST,
  authentication: { type: 'default', options: { userName: env.TDS_USER, password: env.TDS_PASSWORD } },
  options: {
    port: Number(env.TDS_PORT),
    database: 'shop',
    encrypt: false,
    connectTimeout: 20000,
    tdsVersion: env.TDS_VERSION,
  },
})

function shown(value) {
  const text = Buffer.isBuffer(value) ? value.toString('hex') : value instanceof Date ? value.toISOString() : String(value)
  return text.length > 80 ? `${text.slice(0, 40)} ... ${text.length}` : text
}

function run(method, sql, prepare = () => {}) {
  return new Promise((resolve, reject) => {
    const rows = []
    const request = new Request(sql, (error) => (error ? reject(error) : resolve(rows)))
    request.on('row', (columns) => {
      rows.push(Object.fromEntries(columns.map((column, at) => [column.metadata.colName || at, shown(column.value)])))
    })
    prepare(request)
    connection[method](request)
  })
}

async function main() {
  await new Promise((resolve, reject) => {
    connection.on('connect', (error) => (error ? reject(error) : resolve()))
    connection.connect()
  })
  const seen = {}
  seen.rows = await run('execSqlBatch', 'select * from dbo.every_type')
  seen.series = (await run('execSqlBatch', "select cast(null as xml), 'é' from generate_series(1, 2000)")).length
  const table = { columns: [{ name: 'id', type: TYPES.Int }], rows: [[1], [2]] }
  const sent = run('execSql', 'select * from @table', (request) => request.addParameter('table', TYPES.TVP, table))
  seen.table = (await sent.catch((error) => error)).message
  let request
  const delayed = run('execSqlBatch', "waitfor delay '01:00:00'", (one) => (request = one))
  setImmediate(() => request.cancel())
  seen.cancelled = (await delayed.catch((error) => error)).code
  const given = []
  await run('execSql', "set @x = cast('<a>é</a>' as xml)", (request) => {
    request.addOutputParameter('x', TYPES.NVarChar, 'é', { length: 40 })
    request.on('returnValue', (name, value) => given.push(name, shown(value)))
  })
  seen.given = given
  seen.after = await run('execSqlBatch', 'select @@trancount as n')
  connection.close()
  console.log(JSON.stringify(seen))
}

main().catch((error) => {
  console.log(JSON.stringify({ refused: error.message, cause: String(error.cause ?? '') }))
  connection.close()
})
