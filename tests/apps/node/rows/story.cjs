// What every row of this language does, in this order, whichever driver it is on. The driver is told as an object:
//
//   driver       its name and version
//   protocol     postgres, mysql or tds
//   setting      the words for this TLS mode
//   connect()    gives a client: query(sql, values) for rows as objects, prepare(sql) for a function of values, end()
//   transaction(client, work)     if it has its own: commits, or rolls back when `work` throws
//   batch(client, table, rows)    rows are [id, name]
//   code(error)                   SQLSTATE or number
//   stop(client, query)           ends what the client waits for, from elsewhere
//   pool()       gives a pool of ten, if it has one: query(sql, values), end()
//   steps        what it does in its own way, by the step's name
//   cannot       the steps that it has not, and why
'use strict'

const assert = require('node:assert/strict')
const crypto = require('node:crypto')
const fs = require('node:fs')
const path = require('node:path')
const readline = require('node:readline')
const { setTimeout: pause } = require('node:timers/promises')
const dialects = require('./dialects.cjs')

const say = (line) => fs.writeSync(1, `${line.replace(/\s+/g, ' ').trim()}\n`)
const input = readline.createInterface({ input: process.stdin })
const lines = input[Symbol.asyncIterator]()

const SHORT = ['parameters', 'large', 'error']
const WHOLE = ['create', 'parameters', 'prepared', 'rollback', 'large', 'nulls', 'unicode', 'batch', 'error', 'cancel', 'pool', 'metadata']

const steps = {
  async create({ client, table, sql }) {
    await client.query(sql.create(table))
  },

  async parameters({ client, table, sql }) {
    const [{ sum }] = await client.query(sql.sum, [1, 2])
    assert.equal(Number(sum), 3)
    if (!table) return
    await add(client, table, sql, 1, "O'Hara \\ \"quoted\"")
    assert.equal(await nameOf(client, table, sql, 1), "O'Hara \\ \"quoted\"")
  },

  async prepared({ client, sql }) {
    const twice = await client.prepare(sql.twice)
    for (let number = 0; number < 20; number++) {
      assert.equal(Number((await twice([number]))[0].twice), number * 2)
    }
    await twice.close?.()
  },

  async rollback({ app, client, table, sql }) {
    const lost = inTransaction(app, client, sql, async (within) => {
      await add(within, table, sql, 10, 'lost')
      throw new Error('changed my mind')
    })
    await assert.rejects(lost, /changed my mind/)
    assert.equal(await nameOf(client, table, sql, 10), undefined)
    await inTransaction(app, client, sql, (within) => add(within, table, sql, 10, 'kept'))
    assert.equal(await nameOf(client, table, sql, 10), 'kept')
  },

  async large({ client, sql }) {
    const value = crypto.randomBytes(5 << 20)
    const [{ echo }] = await client.query(sql.echo, [value])
    assert.ok(value.equals(echo), 'the large value came back changed')
  },

  async nulls({ client, table, sql }) {
    await add(client, table, sql, 20, null)
    assert.equal(await nameOf(client, table, sql, 20), null)
  },

  async unicode({ client, table, sql }) {
    await add(client, table, sql, 30, 'Grüße, 世界 🎉')
    assert.equal(await nameOf(client, table, sql, 30), 'Grüße, 世界 🎉')
  },

  async batch({ app, client, table }) {
    await app.batch(client, table, Array.from({ length: 500 }, (_, n) => [1000 + n, `name ${n}`]))
    const [{ count }] = await client.query(`select count(*) as count from ${table} where id >= 1000`, [])
    assert.equal(Number(count), 500)
  },

  async error({ app, client, sql }) {
    const error = await client.query('select * from nowhere', []).catch((error) => error)
    assert.equal(app.code(error), sql.noTable, error.stack)
    assert.equal(Number((await client.query(sql.sum, [1, 2]))[0].sum), 3)
  },

  // A server that gets the cancel before the query forgets it, so it is asked until the query has ended.
  async cancel({ app, client, sql }) {
    const query = client.query(sql.sleep, [])
    const sleeping = query.catch((error) => error)
    const lasts = () => Promise.race([sleeping.then(() => false), pause(50, true)])
    while (await lasts()) await app.stop(client, query)
    const told = await sleeping
    if (Array.isArray(told)) assert.equal(Number(Object.values(told[0])[0]), 1, 'MySQL says that a sleep was cut short by 1')
    else assert.equal(app.code(told), sql.stopped, told.stack)
    assert.equal(Number((await client.query(sql.sum, [1, 2]))[0].sum), 3)
  },

  async pool({ pool, sql }) {
    const numbers = Array.from({ length: 100 }, (_, number) => number)
    const rows = await Promise.all(numbers.map((number) => pool.query(sql.sum, [number, 1])))
    assert.deepEqual(rows.map(([{ sum }]) => Number(sum) - 1), numbers)
  },

  async metadata({ client, table, sql }) {
    const names = (await client.query(sql.columns, [table])).map((column) => column.name ?? column.COLUMN_NAME)
    assert.deepEqual(names, ['id', 'name'])
  },
}

async function add(client, table, sql, id, name) {
  await client.query(`insert into ${table} (id, name) values (${sql.place(1)}, ${sql.place(2)})`, [id, name])
}

async function nameOf(client, table, sql, id) {
  return (await client.query(`select name from ${table} where id = ${sql.place(1)}`, [id]))[0]?.name
}

async function inTransaction(app, client, sql, work) {
  if (app.transaction) return app.transaction(client, work)
  await client.query(sql.begin, [])
  try {
    await work(client)
    await client.query('commit', [])
  } catch (error) {
    await client.query('rollback', [])
    throw error
  }
}

/** What a pool held may fail once each; then it works, and so does a new connection. */
async function comesBack({ app, pool, sql }) {
  const works = async () => {
    const client = await app.connect()
    assert.equal(Number((await client.query(sql.sum, [1, 2]))[0].sum), 3)
    await client.end()
    if (pool) await steps.pool({ pool, sql })
  }
  for (let attempt = 1; attempt < 50; attempt++) {
    if (await works().then(() => true, () => false)) return
    await pause(50)
  }
  await works()
}

async function restarts(told) {
  for (const what of ['proxy', 'upstream']) {
    say(`now: ${what} restarts`)
    await lines.next()
    await comesBack(told)
    say(`did: ${what} restart`)
  }
}

async function step(told, name) {
  const why = told.app.cannot?.[name]
  if (why) return say(`cannot: ${name}: ${why}`)
  await (told.app.steps?.[name] ?? steps[name])(told)
  say(`did: ${name}`)
}

async function story(app) {
  say(`driver: ${app.driver}`)
  say(`setting: ${app.setting}`)
  let client
  try {
    client = await app.connect()
  } catch (error) {
    return say(`refused: ${chain(error)}`)
  }
  const sql = dialects[app.protocol]
  const told = { app, client, sql, steps }
  assert.equal(Number((await client.query('select 1 as one', []))[0].one), 1)
  say('did: connect')
  if (process.env.DB_STORY === 'short') {
    for (const name of SHORT) await step(told, name)
    return client.end()
  }
  told.table = `things_${crypto.randomBytes(6).toString('hex')}`
  told.pool = await app.pool?.()
  for (const name of WHOLE) await step(told, name)
  await client.query(`drop table ${told.table}`, [])
  await client.end()
  await restarts(told)
  await told.pool?.end()
}

/** What the person reads: the message, and those of its causes that it does not repeat. */
function chain(error) {
  const messages = []
  for (let at = error; at; at = at.cause ?? at.errors?.[0]) {
    if (at.message && !messages.some((message) => message.includes(at.message))) messages.push(at.message)
  }
  return messages.join(': ') || String(error)
}

/** Tells the story of what `make` gives for the words and the options of this TLS mode. A mode that is text says why there is none. */
module.exports = function tell(modes, make) {
  const mode = process.env.DB_TLS
  const chosen = modes[mode]
  if (typeof chosen === 'string') {
    say(`driver: ${make({}, '').driver}`)
    say(`cannot: ${mode}: ${chosen}`)
    process.exit(0)
  }
  const [setting, options] = chosen
  story({ setting, ...make(options) })
    .then(() => process.exit(0))
    .catch((error) => {
      console.error(error)
      process.exit(1)
    })
}
module.exports.at = {
  host: process.env.DB_HOST,
  port: Number(process.env.DB_PORT),
  user: process.env.DB_USER,
  password: process.env.DB_PASSWORD,
  database: process.env.DB_NAME,
}
module.exports.ca = () => fs.readFileSync(process.env.DB_CA)
/** A package's own name and version, under whatever name it is installed. */
module.exports.version = (installed) => {
  const places = require.resolve.paths(installed).map((place) => path.join(place, installed, 'package.json'))
  const { name, version } = JSON.parse(fs.readFileSync(places.find(fs.existsSync)))
  return `${name} ${version}`
}
