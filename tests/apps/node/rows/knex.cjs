// Knex, on the driver that its argument says.
'use strict'

const assert = require('node:assert/strict')
const tell = require('./story.cjs')

const on = process.argv[2]
const isPostgres = on === 'pg'
const ca = process.env.DB_CA && tell.ca()

const modes = {
  default: ['', {}],
  off: ['ssl: false', { ssl: false }],
  asks: isPostgres ? ['ssl: true', { ssl: true }] : ['ssl: {}', { ssl: {} }],
  trusting: ['ssl: { rejectUnauthorized: false }', { ssl: { rejectUnauthorized: false } }],
  verified: isPostgres
    ? ['ssl: { ca }', { ssl: { ca } }]
    : ['ssl: { ca, verifyIdentity: true }', { ssl: { ca, verifyIdentity: true } }],
}

/** Its placeholders are question marks, whatever those of the database are. */
const client = (knex) => ({
  knex,
  async query(text, values = []) {
    const answer = await knex.raw(text.replace(/\$\d+/g, '?'), values)
    return isPostgres ? answer.rows : answer[0]
  },
  end: () => knex.destroy(),
})

tell(modes, (tls) => {
  async function connect() {
    const log = { warn: console.error, error: console.error }
    const knex = require('knex')({ client: on, connection: { ...tell.at, ...tls }, pool: { min: 0, max: 10 }, log })
    await knex.raw('select 1')
    return client(knex)
  }

  return {
    driver: `${tell.version('knex')} on ${tell.version(on)}`,
    protocol: isPostgres ? 'postgres' : 'mysql',
    connect,
    cannot: { prepared: 'it has none' },
    code: (error) => (isPostgres ? error.code : error.errno),
    transaction: ({ knex }, work) => knex.transaction((within) => work(client(within))),
    batch: ({ knex }, table, rows) => knex.batchInsert(table, rows.map(([id, name]) => ({ id, name })), 100),
    pool: connect,

    steps: {
      async create({ client: { knex }, table }) {
        await knex.schema.createTable(table, (things) => {
          things.integer('id').primary()
          things.string('name')
        })
      },

      async parameters({ client: { knex }, table }) {
        if (!table) return void assert.equal(Number((await knex.select(knex.raw('? as one', [1])))[0].one), 1)
        await knex(table).insert({ id: 1, name: "O'Hara \\" })
        assert.deepEqual({ ...(await knex(table).where({ name: "O'Hara \\" }).first()) }, { id: 1, name: "O'Hara \\" })
      },

      async cancel({ client: { knex }, sql }) {
        const query = knex.raw(sql.sleep).timeout(500, { cancel: true })
        await assert.rejects(query, { name: 'KnexTimeoutError' })
        assert.equal((await knex.select(knex.raw('1 as one')))[0].one, 1)
      },

      async metadata({ client: { knex }, table }) {
        assert.ok(await knex.schema.hasTable(table))
        assert.deepEqual(Object.keys(await knex(table).columnInfo()).sort(), ['id', 'name'])
      },
    },
  }
})
