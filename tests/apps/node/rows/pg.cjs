'use strict'

const { Client, Pool } = require('pg')
const tell = require('./story.cjs')

const modes = {
  default: ['', {}],
  off: ['ssl: false', { ssl: false }],
  asks: ['ssl: true', { ssl: true }],
  trusting: ['ssl: { rejectUnauthorized: false }', { ssl: { rejectUnauthorized: false } }],
  verified: ['ssl: { ca }', { ssl: process.env.DB_CA && { ca: tell.ca() } }],
}

tell(modes, (tls) => {
  const settings = { ...tell.at, ...tls }
  return {
    driver: tell.version('pg'),
    protocol: 'postgres',

    async connect() {
      const client = new Client(settings)
      client.on('error', () => {})
      await client.connect()
      return {
        client,
        query: async (text, values) => (await client.query(text, values)).rows,
        prepare: (text) => async (values) => (await client.query({ name: text, text, values })).rows,
        end: () => client.end(),
      }
    },

    async batch(_, table, rows) {
      const client = new Client({ ...settings, pipeline: true })
      await client.connect()
      await Promise.all(rows.map((row) => client.query(`insert into ${table} values ($1, $2)`, row)))
      await client.end()
    },

    code: (error) => error.code,

    async stop({ client: { processID } }) {
      const client = new Client(settings)
      await client.connect()
      await client.query('select pg_cancel_backend($1)', [processID])
      await client.end()
    },

    pool() {
      const pool = new Pool({ ...settings, max: 10 })
      pool.on('error', () => {})
      return { query: async (text, values) => (await pool.query(text, values)).rows, end: () => pool.end() }
    },
  }
})
