// An app on the driver of the first argument, with the settings of the second. It prints the number of products.
'use strict'

const [driver, settings] = process.argv.slice(2)
const given = new Function('fs', `return ${settings}`)(require('fs'))
const sql = 'select count(*) as n from products'

async function ask() {
  if (driver === 'pg') {
    const { Client } = require('pg')
    const client = new Client(given)
    await client.connect()
    const { rows } = await client.query(sql)
    await client.end()
    return rows[0].n
  }
  if (driver === 'mysql2') {
    const connection = await require('mysql2/promise').createConnection(given)
    const [rows] = await connection.query(sql)
    await connection.end()
    return rows[0].n
  }
  return tedious()
}

// What the package mssql makes of its settings.
function tedious() {
  const { Connection, Request } = require('tedious')
  const { server, port, database, user: userName, password, options } = given
  const authentication = { type: 'default', options: { userName, password } }
  const connection = new Connection({ server, authentication, options: { port, database, ...options } })
  return new Promise((resolve, reject) => {
    connection.on('error', reject)
    connection.connect((error) => {
      if (error) return reject(error)
      const request = new Request(sql, (error) => (error ? reject(error) : connection.close()))
      request.on('row', (columns) => resolve(columns[0].value))
      connection.execSql(request)
    })
  })
}

ask().then(
  (count) => console.log(String(count)),
  (error) => {
    console.error(error)
    process.exit(1)
  },
)
