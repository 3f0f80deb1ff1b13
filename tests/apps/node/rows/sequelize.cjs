// Sequelize, on the driver of its argument's dialect.
'use strict'

const assert = require('node:assert/strict')
const { DataTypes, QueryTypes, Sequelize } = require('sequelize')
const tell = require('./story.cjs')

const dialect = process.argv[2]
const isPostgres = dialect === 'postgres'
const ca = process.env.DB_CA && tell.ca()

const modes = {
  default: ['', {}],
  off: ['dialectOptions: { ssl: false }', { ssl: false }],
  asks: isPostgres ? ['dialectOptions: { ssl: true }', { ssl: true }] : ['dialectOptions: { ssl: {} }', { ssl: {} }],
  trusting: ['dialectOptions: { ssl: { rejectUnauthorized: false } }', { ssl: { rejectUnauthorized: false } }],
  verified: isPostgres
    ? ['dialectOptions: { ssl: { ca } }', { ssl: { ca } }]
    : ['dialectOptions: { ssl: { ca, verifyIdentity: true } }', { ssl: { ca, verifyIdentity: true } }],
}

/** Its placeholders are numbered, whatever those of the database are. */
function numbered(text) {
  let number = 0
  return text.replace(/\?/g, () => `$${++number}`)
}

const client = (sequelize, transaction) => ({
  sequelize,
  async query(text, values) {
    const type = text.startsWith('select') ? QueryTypes.SELECT : QueryTypes.RAW
    return sequelize.query(numbered(text), { type, transaction, ...(values?.length && { bind: values }) })
  },
  end: () => sequelize.close(),
})

tell(modes, (tls) => {
  async function connect(more = {}) {
    const { host, port, user, password, database } = tell.at
    const dialectOptions = { ...tls, ...more }
    const sequelize = new Sequelize(database, user, password, { host, port, dialect, dialectOptions, logging: false, pool: { max: 10 } })
    await sequelize.authenticate()
    return client(sequelize)
  }

  let Thing
  return {
    driver: `${tell.version('sequelize')} on ${tell.version(isPostgres ? 'pg' : 'mysql2')}`,
    protocol: isPostgres ? 'postgres' : 'mysql',
    connect,
    cannot: { prepared: 'it has none', ...(!isPostgres && { cancel: 'it has none' }) },
    code: (error) => (isPostgres ? error.original.code : error.original.errno),
    transaction: ({ sequelize }, work) => sequelize.transaction((transaction) => work(client(sequelize, transaction))),
    batch: (_, table, rows) => Thing.bulkCreate(rows.map(([id, name]) => ({ id, name }))),
    pool: connect,

    steps: {
      async create({ client: { sequelize }, table }) {
        const fields = { id: { type: DataTypes.INTEGER, primaryKey: true }, name: DataTypes.STRING(100) }
        Thing = sequelize.define('Thing', fields, { tableName: table, timestamps: false })
        await Thing.sync()
      },

      async parameters({ client, table, sql }) {
        assert.equal(Number((await client.query(sql.sum, [1, 2]))[0].sum), 3)
        if (!table) return
        await Thing.create({ id: 1, name: "O'Hara \\" })
        assert.equal((await Thing.findOne({ where: { name: "O'Hara \\" } })).id, 1)
      },

      // PostgreSQL's own limit, which the driver sets as it connects.
      async cancel({ app, client, sql }) {
        const limited = await connect({ statement_timeout: 200 })
        const told = await limited.query(sql.sleep).catch((error) => error)
        assert.equal(app.code(told), sql.stopped)
        await limited.end()
        assert.equal(Number((await client.query(sql.sum, [1, 2]))[0].sum), 3)
      },

      async metadata({ client: { sequelize }, table }) {
        const things = await sequelize.getQueryInterface().describeTable(table)
        assert.deepEqual(Object.keys(things), ['id', 'name'])
      },
    },
  }
})
