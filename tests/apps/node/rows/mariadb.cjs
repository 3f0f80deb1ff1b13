// MariaDB's own connector: it sends the next query before the one before it is answered, and batches in bulk.
// The argument says under which name it is installed.
'use strict'

const tell = require('./story.cjs')

const name = process.argv[2]
const mariadb = require(name)
const driver = tell.version(name)

const modes = {
  default: ['', {}],
  off: ['ssl: false', { ssl: false }],
  asks: ['ssl: true', { ssl: true }],
  trusting: ['ssl: { rejectUnauthorized: false }', { ssl: { rejectUnauthorized: false } }],
  verified: ['ssl: { ca }', { ssl: process.env.DB_CA && { ca: tell.ca() } }],
}

tell(modes, (tls) => {
  const settings = { ...tell.at, ...tls }

  async function connect() {
    const connection = await mariadb.createConnection(settings)
    connection.on('error', () => {})
    return {
      connection,
      query: (sql, values) => connection.query(sql, values),
      async prepare(sql) {
        const statement = await connection.prepare(sql)
        return Object.assign((values) => statement.execute(values), { close: () => statement.close() })
      },
      end: () => connection.end(),
    }
  }

  return {
    driver,
    protocol: 'mysql',
    connect,
    cannot: driver.startsWith('mariadb 2') ? { prepared: 'it fills placeholders in itself' } : {},

    async batch({ connection }, table, rows) {
      await connection.batch(`insert into ${table} (id, name) values (?, ?)`, rows.slice(0, 400))
      const sent = rows.slice(400).map((row) => connection.query(`insert into ${table} (id, name) values (?, ?)`, row))
      await Promise.all(sent)
    },

    code: (error) => error.errno,

    async stop({ connection: { threadId } }) {
      const other = await connect()
      await other.query('kill query ?', [threadId])
      await other.end()
    },

    pool: () => mariadb.createPool({ ...settings, connectionLimit: 10 }),
  }
})
