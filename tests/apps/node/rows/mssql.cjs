// node-mssql, on its tedious.
'use strict'

const sql = require('mssql')
const tell = require('./story.cjs')

const ca = process.env.DB_CA && tell.ca()

const modes = {
  default: ['', {}],
  off: ['encrypt: false', { encrypt: false }],
  asks: ['encrypt: true', { encrypt: true }],
  trusting: ['encrypt: true, trustServerCertificate: true', { encrypt: true, trustServerCertificate: true }],
  verified: ["encrypt: 'strict', cryptoCredentialsDetails: { ca }", { encrypt: 'strict', cryptoCredentialsDetails: { ca } }],
}

/** A request with values, which knows their types by itself but that of a large one. */
function request(within, values = []) {
  const request = new sql.Request(within)
  values.forEach((value, at) =>
    Buffer.isBuffer(value) ? request.input(`p${at + 1}`, sql.VarBinary(sql.MAX), value) : request.input(`p${at + 1}`, value),
  )
  return request
}

const client = (within) => ({
  within,
  query(text, values) {
    const asks = request(within, values)
    return Object.assign(asks.query(text).then(({ recordset }) => recordset), { request: asks })
  },

  async prepare(text) {
    const statement = new sql.PreparedStatement(within)
    statement.input('p1', sql.Int)
    await statement.prepare(text)
    const execute = async ([p1]) => (await statement.execute({ p1 })).recordset
    return Object.assign(execute, { close: () => statement.unprepare() })
  },
})

tell(modes, (tls) => {
  const { host: server, port, database, user, password } = tell.at
  const settings = { server, port, database, user, password, options: tls, pool: { max: 10 } }

  async function connect() {
    const pool = await new sql.ConnectionPool(settings).connect()
    pool.on('error', () => {})
    return { ...client(pool), end: () => pool.close() }
  }

  return {
    driver: `${tell.version('mssql')} on ${tell.version('tedious')}`,
    protocol: 'tds',
    connect,

    async transaction({ within }, work) {
      const transaction = new sql.Transaction(within)
      await transaction.begin()
      try {
        await work(client(transaction))
      } catch (error) {
        await transaction.rollback()
        throw error
      }
      await transaction.commit()
    },

    async batch({ within }, table, rows) {
      const load = new sql.Table(table)
      load.columns.add('id', sql.Int, { nullable: false })
      load.columns.add('name', sql.NVarChar(100), { nullable: true })
      rows.forEach((row) => load.rows.add(...row))
      await new sql.Request(within).bulk(load)
    },

    code: (error) => error.number ?? error.code,

    stop: (_, { request }) => request.cancel(),

    pool: connect,
  }
})
