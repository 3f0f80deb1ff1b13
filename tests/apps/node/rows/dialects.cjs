// The SQL of each protocol's story.
'use strict'

const text = (table) => `create table ${table} (id int primary key, name varchar(100))`
const columns = 'select column_name as name from information_schema.columns where table_name ='

module.exports = {
  postgres: {
    place: (number) => `$${number}`,
    create: text,
    sum: 'select $1::int + $2::int as sum',
    twice: 'select $1::int * 2 as twice',
    echo: 'select $1::bytea as echo',
    begin: 'begin',
    sleep: 'select pg_sleep(600)',
    columns: `${columns} $1 order by ordinal_position`,
    stopped: '57014',
    noTable: '42P01',
  },
  mysql: {
    place: () => '?',
    create: (table) => `${text(table)} default charset utf8mb4`,
    sum: 'select ? + ? as sum',
    twice: 'select ? * 2 as twice',
    echo: 'select cast(? as binary) as echo',
    begin: 'start transaction',
    sleep: 'select sleep(600)',
    columns: `${columns} ? order by ordinal_position`,
    stopped: 1317,
    noTable: 1146,
  },
  tds: {
    place: (number) => `@p${number}`,
    create: (table) => `create table ${table} (id int primary key, name nvarchar(100))`,
    sum: 'select @p1 + @p2 as sum',
    twice: 'select @p1 + @p1 as twice',
    echo: 'select @p1 as echo',
    begin: 'begin transaction',
    sleep: "waitfor delay '0:10:00'",
    columns: 'exec sp_columns @p1',
    stopped: 'ECANCEL',
    noTable: 208,
  },
}
