// postgres.js, whose users write tagged templates.
'use strict'

const postgres = require('postgres')
const tell = require('./story.cjs')

const modes = {
  default: ['', {}],
  off: ['ssl: false', { ssl: false }],
  asks: ["ssl: 'require'", { ssl: 'require' }],
  trusting: ['ssl: { rejectUnauthorized: false }', { ssl: { rejectUnauthorized: false } }],
  verified: ['ssl: { ca }', { ssl: process.env.DB_CA && { ca: tell.ca() } }],
}

/** sql`select ${1}` from a text with $1 in it. */
function tagged(sql, text, values = []) {
  const strings = text.split(/\$\d+/)
  strings.raw = strings
  return sql(strings, ...values)
}

tell(modes, (tls) => {
  const { user, ...rest } = tell.at
  const settings = { ...rest, username: user, onnotice: () => {}, ...tls }
  const client = (sql) => {
    const query = (text, values) => tagged(sql, text, values)
    return { sql, query, prepare: (text) => (values) => query(text, values), end: () => sql.end({ timeout: 1 }) }
  }
  return {
    driver: tell.version('postgres'),
    protocol: 'postgres',

    async connect() {
      const sql = postgres({ ...settings, max: 1 })
      await sql`select 1`
      return client(sql)
    },

    transaction: ({ sql }, work) => sql.begin((sql) => work(client(sql))),

    // All are sent before the first is answered.
    batch: ({ sql }, table, rows) =>
      sql.begin((sql) => rows.map(([id, name]) => sql`insert into ${sql(table)} ${sql({ id, name })}`)),

    code: (error) => error.code,

    stop: (_, query) => query.cancel(),

    pool: () => client(postgres({ ...settings, max: 10 })),
  }
})
