// mysql, and mysql2, which took its interface over; the argument says under which name it is installed.
'use strict'

const { promisify } = require('node:util')
const tell = require('./story.cjs')

const name = process.argv[2]
const mysql = require(name)
const ca = process.env.DB_CA && tell.ca()

const driver = tell.version(name)
const isOriginal = driver.startsWith('mysql ')
const looksAtName = driver.startsWith('mysql2 3')
const verified = { ssl: looksAtName ? { ca, verifyIdentity: true } : { ca } }

const modes = {
  default: ['', {}],
  off: ['ssl: false', { ssl: false }],
  asks: ['ssl: {}', { ssl: {} }],
  trusting: ['ssl: { rejectUnauthorized: false }', { ssl: { rejectUnauthorized: false } }],
  verified: [looksAtName ? 'ssl: { ca, verifyIdentity: true }' : 'ssl: { ca }', verified],
}

tell(modes, (tls) => {
  // mysql knows no more of unicode by itself than MySQL did in 2003.
  const settings = { ...tell.at, ...(isOriginal && { charset: 'utf8mb4' }), ...tls }

  async function connect() {
    const connection = mysql.createConnection(settings)
    connection.on('error', () => {})
    await promisify(connection.connect).call(connection)
    const execute = connection.execute && promisify(connection.execute).bind(connection)
    return {
      connection,
      query: promisify(connection.query).bind(connection),
      prepare: (sql) => (values) => execute(sql, values),
      end: promisify(connection.end).bind(connection),
    }
  }

  return {
    driver,
    protocol: 'mysql',
    connect,
    cannot: isOriginal ? { prepared: 'it fills placeholders in itself' } : {},

    batch: ({ query }, table, rows) => query(`insert into ${table} (id, name) values ?`, [rows]),

    code: (error) => error.errno,

    async stop({ connection: { threadId } }) {
      const other = await connect()
      await other.query('kill query ?', [threadId])
      await other.end()
    },

    pool() {
      const pool = mysql.createPool({ ...settings, connectionLimit: 10 })
      return { query: promisify(pool.query).bind(pool), end: promisify(pool.end).bind(pool) }
    },
  }
})
