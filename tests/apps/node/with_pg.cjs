// An app on node-postgres. Its settings come from libpq's variables; it prints what it saw as JSON.
'use strict'

const { once } = require('node:events')
const { pipeline } = require('node:stream/promises')
const { Readable } = require('node:stream')
const { Client, Pool } = require('pg')
const copy = require('pg-copy-streams')

const ssl = process.argv[2] === 'tls' ? { rejectUnauthorized: false } : false

async function main() {
  const seen = {}
  const client = new Client({ ssl })
  await client.connect()
  const { rows } = await client.query('select current_user as role, current_database() as database')
  Object.assign(seen, rows[0])
  seen.parameters = (await client.query('select $1::int + $2::int as sum', [1, 2])).rows[0].sum
  seen.prepared = []
  for (let number = 0; number < 5; number++) {
    const result = await client.query({ name: 'twice', text: 'select $1::int * 2 as n', values: [number] })
    seen.prepared.push(result.rows[0].n)
  }

  await client.query('create temp table items (id int, name text)')
  const lines = Array.from({ length: 10000 }, (_, number) => `${number}\tname ${number}\n`)
  await pipeline(Readable.from(lines), client.query(copy.from('copy items from stdin')))
  const copied = []
  const out = client.query(copy.to('copy (select * from items order by id) to stdout'))
  for await (const chunk of out) copied.push(chunk)
  seen.copied = Buffer.concat(copied).toString() === lines.join('')

  await client.query('listen news')
  const notified = once(client, 'notification')
  const pool = new Pool({ ssl, max: 4 })
  await pool.query("notify news, 'hello'")
  seen.notified = (await notified)[0].payload
  const sums = await Promise.all(
    Array.from({ length: 40 }, (_, number) => pool.query('select $1::int as n', [number])),
  )
  seen.pool = sums.reduce((sum, result) => sum + result.rows[0].n, 0)

  const error = await client.query('select 1 / 0').catch((error) => error)
  seen.error = [error.code, error.message]
  await pool.end()
  await client.end()
  console.log(JSON.stringify(seen))
}

main().catch((error) => {
  console.error(error)
  process.exit(1)
})
