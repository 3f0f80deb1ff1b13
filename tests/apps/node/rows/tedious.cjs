// tedious: the argument says under which name its major is installed.
'use strict'

const name = process.argv[2]
const { Connection, Request, TYPES } = require(name)
const tell = require('./story.cjs')

const driver = tell.version(name)
const major = Number(driver.match(/(\d+)\./)[1])
const ca = process.env.DB_CA && tell.ca()

const modes = {
  default: ['', {}],
  off: ['encrypt: false', { encrypt: false }],
  asks: ['encrypt: true', { encrypt: true }],
  trusting: ['encrypt: true, trustServerCertificate: true', { encrypt: true, trustServerCertificate: true }],
  verified:
    major >= 18
      ? ["encrypt: 'strict', cryptoCredentialsDetails: { ca }", { encrypt: 'strict', cryptoCredentialsDetails: { ca } }]
      : [
          'encrypt: true, trustServerCertificate: false, cryptoCredentialsDetails: { ca }',
          { encrypt: true, trustServerCertificate: false, cryptoCredentialsDetails: { ca } },
        ],
}

function type(value) {
  if (Buffer.isBuffer(value)) return TYPES.VarBinary
  return typeof value === 'number' ? TYPES.Int : TYPES.NVarChar
}

/** Has the connection do something that reports to a callback. */
const asked = (connection, method, ...words) =>
  new Promise((resolve, reject) =>
    connection[method]((error, answer) => (error ? reject(error) : resolve(answer)), ...words),
  )

function run(connection, sql, values = []) {
  return new Promise((resolve, reject) => {
    const rows = []
    const request = new Request(sql, (error) => (error ? reject(error) : resolve(rows)))
    values.forEach((value, at) => request.addParameter(`p${at + 1}`, type(value), value))
    request.on('row', (columns) => rows.push(object(columns)))
    connection[values.length ? 'execSql' : 'execSqlBatch'](request)
  })
}

const object = (columns) => Object.fromEntries(columns.map(({ metadata, value }) => [metadata.colName, value]))

/** A statement of one whole number. */
async function prepare(connection, sql) {
  let ended
  const request = new Request(sql, (error) => ended(error))
  const ends = (act) =>
    new Promise((resolve, reject) => {
      ended = (error) => (error ? reject(error) : resolve())
      act()
    })
  request.addParameter('p1', TYPES.Int)
  let rows
  request.on('row', (columns) => rows.push(object(columns)))
  await new Promise((resolve) => {
    request.once('prepared', resolve)
    ended = () => {}
    connection.prepare(request)
  })
  const execute = async ([p1]) => {
    rows = []
    await ends(() => connection.execute(request, { p1 }))
    return rows
  }
  return Object.assign(execute, { close: () => ends(() => connection.unprepare(request)) })
}

tell(modes, (tls) => ({
  driver,
  protocol: 'tds',
  cannot: { pool: 'it has none' },

  async connect() {
    const { host: server, port, database, user: userName, password } = tell.at
    const authentication = { type: 'default', options: { userName, password } }
    const connection = new Connection({ server, authentication, options: { port, database, ...tls } })
    await new Promise((resolve, reject) => {
      connection.on('connect', (error) => (error ? reject(error) : resolve()))
      connection.on('error', () => {})
      if (major >= 8) connection.connect()
    })
    return {
      connection,
      query: (sql, values) => run(connection, sql, values),
      prepare: (sql) => prepare(connection, sql),
      end: () => connection.close(),
    }
  },

  async transaction({ connection, ...client }, work) {
    await asked(connection, 'beginTransaction')
    try {
      await work({ connection, ...client })
    } catch (error) {
      await asked(connection, 'rollbackTransaction')
      throw error
    }
    await asked(connection, 'commitTransaction')
  },

  batch: ({ connection }, table, rows) =>
    new Promise((resolve, reject) => {
      const load = connection.newBulkLoad(table, {}, (error) => (error ? reject(error) : resolve()))
      load.addColumn('id', TYPES.Int, { nullable: false })
      load.addColumn('name', TYPES.NVarChar, { length: 100, nullable: true })
      if (major < 11) rows.forEach((row) => load.addRow(row))
      connection.execBulkLoad(load, ...(major < 11 ? [] : [rows]))
    }),

  code: (error) => error.number ?? error.code,

  stop: ({ connection }) => connection.cancel(),
}))
